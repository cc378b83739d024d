// One inference node: how its answers came out.
import { empty, foreign, h, heading, panel, replace } from './dom.js';
import { ago, duration, number, serverNow, short } from './format.js';
import { section } from './live.js';
import { standing } from './network.js';
import { modelName } from './store.js';

function figure(title, value, note, tone = '') {
  return h(
    'div',
    { class: `figure ${tone}` },
    h('h4', null, title),
    h('p', { class: 'value' }, value),
    h('p', null, note),
  );
}

function outcomeBar(quality) {
  const parts = [
    ['settled', 'good'],
    ['refunded', 'warn'],
    ['slashed', 'bad'],
  ].map(([name, tone]) => ({ name, tone, count: quality[name] }));
  const all = parts.reduce((sum, part) => sum + part.count, 0);
  if (all === 0) {
    return empty('None of its answers has come to its end since this server looks.');
  }
  return [
    h(
      'div',
      { class: 'stack', role: 'img', 'aria-label': parts.map((part) => `${part.count} ${part.name}`).join(', ') },
      parts
        .filter((part) => part.count > 0)
        .map((part) => {
          const bar = h('i', { class: part.tone });
          bar.style.flexGrow = part.count;
          return bar;
        }),
    ),
    h(
      'ul',
      { class: 'legend' },
      parts.map((part) => h('li', null, h('i', { class: part.tone }), `${number(part.count)} ${part.name}`)),
    ),
  ];
}

function bitsEqual(quality) {
  const compared = quality.rows + quality.heads + quality.positions;
  if (compared > 0) {
    return figure(
      'Bits equal',
      quality.faults === 0 ? 'all' : `${number(quality.faults)} answers differ`,
      `${number(quality.rows)} matrix rows, ${number(quality.heads)} attention heads and ` +
        `${number(quality.positions)} choices ` +
        'were recomputed by this full node.',
      quality.faults === 0 ? 'good' : 'bad',
    );
  }
  const bad = quality.refunded + quality.slashed;
  return figure(
    'Bits equal',
    quality.settled + bad === 0 ? 'not seen yet' : bad === 0 ? 'all' : `${number(bad)} answers not`,
    'A settled answer is one whose cells most of its auditors recomputed, bit for bit. A full node’s page ' +
      'counts them.',
    quality.settled + bad === 0 ? '' : bad === 0 ? 'good' : 'bad',
  );
}

function auditsPassed(quality) {
  const ended = quality.settled + quality.refunded + quality.slashed;
  return figure(
    'Audits passed',
    ended === 0 ? '–' : `${number(quality.settled)} of ${number(ended)}`,
    quality.audits > 0
      ? `This full node looked at ${number(quality.audits)} of them itself.`
      : 'By the verdicts that a quorum has signed.',
    ended > 0 && quality.settled === ended ? 'good' : '',
  );
}

/** Builds the view of one node. */
export function build(key) {
  const element = h('div', { class: 'view' });
  return {
    element,
    draw(changed) {
      if (changed && !['nodes', 'quality', 'slashes'].includes(changed)) {
        return;
      }
      const node = section('nodes')?.rows.find((one) => one.key === key);
      const quality = section('quality')?.[key];
      if (!node) {
        replace(
          element,
          heading('Node'),
          empty('The ledger lists no such inference node now. What was slashed stands under Slashes.'),
        );
        return;
      }
      replace(
        element,
        h('p', null, h('a', { href: '#/network', 'data-focus': 'back' }, '← Network')),
        heading('Inference node', standing(node)),
        h('p', { class: 'key' }, h('code', null, key)),
        quality
          ? h(
              'div',
              { class: 'figures' },
              bitsEqual(quality),
              auditsPassed(quality),
              figure('Age', duration(serverNow() - quality.since_ms), [
                'since this server first saw an answer; the last was ',
                ago(quality.last_ms),
              ]),
              figure('Tokens', number(quality.tokens), 'of prompts and answers that came to their end'),
            )
          : section('quality') && empty('This server has seen no answer of it yet.'),
        quality && panel('How its answers came out', null, outcomeBar(quality)),
        panel(
          'On the ledger',
          null,
          h(
            'dl',
            { class: 'facts' },
            [
              ['Model', modelName(node.model) ?? short(node.model, 16)],
              ['Address', foreign(node.address)],
              ['Price a token', number(node.price)],
              ['Audited up to', node.level],
              ['Stake', number(node.stake)],
              ['Reserved by open requests', node.reserved === undefined ? undefined : number(node.reserved)],
              ['Faults that most auditors found', number(node.faults)],
              ['Answering for this gateway', node.load && number(node.load.under_way)],
            ]
              .filter(([, value]) => value !== undefined)
              .map(([name, value]) => h('div', null, h('dt', null, name), h('dd', null, value))),
          ),
        ),
      );
    },
  };
}
