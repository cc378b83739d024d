// A full node's own audits, each with its map, and how far the answers are that it has seen judged.
import { cellMap } from './cells.js';
import { badge, empty, foreign, h, heading, panel, replace, table } from './dom.js';
import { ago, bytes, milliseconds, number, short } from './format.js';
import { section } from './live.js';
import { way } from './receipts.js';

/** The cell that a fault names, of one token where the cell that was asked for had more. */
function faultCell(audit) {
  const named = /^layer (\d+), token (\d+)/.exec(audit.fault.place);
  return named ? [Number(named[1]), Number(named[2]), Number(named[2]) + 1] : audit.last;
}

/** Cells that a FULL audit had come to: it goes layer by layer, and ended within the last. */
function upTo([layer, from], tokens) {
  const whole = Array.from({ length: layer }, (_, row) => [row, 0, tokens]);
  return from > 0 ? [...whole, [layer, 0, from]] : whole;
}

/** The map of an audit as the full node tells it. */
function asMap(audit) {
  const isFull = audit.level === 'FULL';
  const isAll = isFull && audit.verdict === 'GOOD';
  const kindOf = (i) => (i < audit.posted ? 'posted' : i === audit.posted ? 'common' : 'drawn');
  const cells = isFull
    ? upTo(isAll || !audit.last ? [0, 0] : audit.last, audit.tokens).map((cell) => ({ cell, kind: 'all' }))
    : audit.cells.map((cell, i) => ({ cell, kind: kindOf(i) }));
  if (audit.verdict === 'BAD' && audit.last) {
    cells.push({ cell: faultCell(audit), kind: 'false' });
  }
  return { layers: audit.layers, tokens: audit.tokens, promptTokens: audit.prompt_tokens, cells, isAll };
}

function work(audit) {
  const parts = [];
  if (audit.rows !== undefined) {
    parts.push(
      `${number(audit.rows)} matrix rows`,
      `${number(audit.heads)} attention heads`,
      `${number(audit.positions)} choices`,
      bytes(audit.bytes),
    );
  }
  if (audit.elements !== undefined) {
    parts.push(`${number(audit.elements)} elements`);
  }
  if (audit.cpu_ms !== undefined) {
    parts.push(`${milliseconds(audit.cpu_ms)} of CPU`);
  }
  return parts.join(' · ');
}

const VERDICTS = { GOOD: ['good', 'bits equal'], BAD: ['bad', 'false'], NONE: ['warn', 'could not judge'] };

function card(audit) {
  const [tone, word] = VERDICTS[audit.verdict];
  const { fault } = audit;
  return h(
    'li',
    { class: `card ${tone}` },
    h(
      'header',
      null,
      badge(tone, word),
      badge('plain', audit.level),
      h('span', null, 'request ', short(audit.request)),
      h('a', { href: `#/node/${audit.node}` }, 'node ', short(audit.node)),
      ago(audit.time_ms),
    ),
    h('p', { class: 'note' }, work(audit)),
    audit.why && h('p', null, foreign(audit.why)),
    fault &&
      h(
        'p',
        null,
        h('b', null, fault.step),
        ' at ',
        foreign(fault.place),
        fault.detail && [': ', foreign(fault.detail)],
        fault.evidence_bytes &&
          h(
            'small',
            null,
            ` · evidence of ` +
              `${bytes(fault.evidence_bytes)}${fault.proof ? ', which the ledger itself can check' : ''}`,
          ),
      ),
    audit.layers > 0 && audit.tokens > 0 && audit.level !== 'SIGNED' && cellMap(asMap(audit)),
  );
}

function judgedTable() {
  const judged = section('judged');
  if (!judged?.length) {
    return empty('No answer has been judged since this full node started.');
  }
  return table(
    'Judged answers',
    ['Request', 'Node', 'Level', 'Way', 'Verdicts', 'Price'],
    judged.slice(0, 20).map((one) => [
      short(one.request),
      h('a', { href: `#/node/${one.node}`, 'data-focus': `${one.request}-node` }, short(one.node)),
      one.level,
      way({
        isLocal: false,
        status: one.status,
        paysMs: one.pays_ms,
        times: {
          signed: 1,
          ordered: one.ordered_ms || 1,
          audited: one.closed_ms || one.revealing_ms,
          certified: one.certified_ms || (one.block >= 0 ? 1 : 0),
        },
      }),
      Object.entries(one.verdicts)
        .map(([opinion, count]) => `${count} ${opinion.replace('_', ' ')}`)
        .join(', ') ||
        (one.status === 'SLASHED' ? 'evidence came first' : `${one.committed} of ${one.auditors} committed`),
      one.price === undefined ? '–' : number(one.price),
    ]),
  );
}

/** Builds the view. */
export function build() {
  const list = h('ul', { class: 'cards' });
  const none = h('div');
  const judged = h('div');
  const cards = new Map();
  return {
    element: h(
      'div',
      { class: 'view' },
      heading('Audits'),
      panel(
        'Answers on their way',
        'From the receipt that was ordered to the certificate of its outcome; a node is paid a day later.',
        judged,
      ),
      panel(
        'Audits by this full node',
        'What it asked the nodes to open, cell by cell, and recomputed without the weights. Lies stand first.',
        none,
        list,
      ),
    ),
    draw(changed) {
      if (!changed || changed === 'judged') {
        replace(judged, judgedTable());
      }
      if (!changed || changed === 'audits') {
        const audits = (section('audits') ?? []).slice(0, 24);
        const keys = audits.map((audit) => `${audit.request} ${audit.time_ms}`);
        replace(none, audits.length ? null : empty('It has audited nothing since it started.'));
        for (const key of cards.keys()) {
          if (!keys.includes(key)) {
            cards.delete(key);
          }
        }
        keys.forEach((key, i) => cards.has(key) || cards.set(key, card(audits[i])));
        // Cards that stand there stay, with its focus; new ones come before it.
        keys.forEach((key, i) => {
          const element = cards.get(key);
          if (list.children[i] !== element) {
            list.insertBefore(element, list.children[i] ?? null);
          }
        });
        while (list.children.length > keys.length) {
          list.lastElementChild.remove();
        }
      }
    },
  };
}
