// Receipts of answers that were asked for in this tab, and their way from signed to paid.
import { cellMap } from './cells.js';
import { badge, download, empty, foreign, h, heading, panel, replace } from './dom.js';
import { clock, duration, number, serverNow, short } from './format.js';
import { api, commonCell, mine, modelName, refusal, stateOf } from './store.js';

const TONES = {
  false: ['bad', 'does not hold'],
  signed: ['info', 'signed'],
  local: ['info', 'signed, in this host’s log'],
  ordered: ['info', 'ordered'],
  audited: ['info', 'audited'],
  told: ['info', 'certified, by the server’s word'],
  certified: ['good', 'certified'],
  refunded: ['bad', 'refunded'],
  slashed: ['bad', 'slashed'],
};

/** The badge of a receipt's state. */
export function stateBadge(record) {
  const [tone, word] = TONES[stateOf(record)];
  return badge(tone, word);
}

/**
 * The steps of a receipt's way with their times; a time of 1 is one that is not known.
 *
 * @param {{times: object, status: string, paysMs: number, isLocal: boolean}} one
 */
export function way(one) {
  const { times, status } = one;
  const isBad = status === 'REFUNDED' || status === 'SLASHED';
  const isPaid = one.paysMs > 0 && one.paysMs < serverNow();
  const last = isBad
    ? { name: status === 'SLASHED' ? 'slashed' : 'refunded', isDone: Boolean(times.certified), tone: 'bad' }
    : {
        name: 'paid',
        isDone: isPaid,
        note: one.paysMs > 0 && !isPaid ? `in ${duration(one.paysMs - serverNow())}` : null,
      };
  const steps = one.isLocal
    ? [
        { name: 'signed', at: times.signed },
        { name: 'logged', at: times.signed },
      ]
    : [
        { name: 'signed', at: times.signed },
        { name: 'ordered', at: times.ordered },
        { name: 'audited', at: times.audited },
        { name: 'certified', at: times.certified },
        last,
      ];
  return h(
    'ol',
    { class: 'way' },
    steps.map((step) => {
      const isDone = step.isDone ?? Boolean(step.at);
      return h(
        'li',
        { class: isDone ? (step.tone ?? 'done') : 'open' },
        h('span', null, step.name, h('span', { class: 'hidden' }, isDone ? ' (done)' : ' (open)')),
        h('small', null, step.at > 1 ? clock(step.at) : (step.note ?? ' ')),
      );
    }),
  );
}

/** The way of a receipt of this tab. */
export function wayOf(record) {
  return way({
    times: record.times,
    status: record.status,
    paysMs: record.paysMs,
    isLocal: record.finality === 'local',
  });
}

/** Cells that auditors have looked at, as far as anybody but they can know. */
function mapOf(record) {
  const tokens = record.tokens - 1;
  if (!record.beacon || !record.layers || tokens < 1 || record.level === 'SIGNED' || record.status !== 'SETTLED') {
    return null;
  }
  const base = { layers: record.layers, tokens, promptTokens: record.promptTokens };
  if (record.level === 'FULL') {
    return cellMap({ ...base, cells: [], isAll: true });
  }
  const posted = (record.posted ?? []).map(({ layer, from, to }) => ({ cell: [layer, from, to], kind: 'posted' }));
  const common = { cell: commonCell(record.beacon, record.layers, tokens), kind: 'common' };
  return [
    cellMap({ ...base, cells: [...posted, common], isAll: false }),
    h(
      'p',
      { class: 'note' },
      'Each auditor also drew 7 cells and 8 choices of its own; only that auditor knows which, and its ' +
        'page shows them.',
    ),
  ];
}

function proofLine(record) {
  if (record.provenBy === 'browser') {
    return (
      `Block ${number(record.block)} is signed by ${record.signatures} of ${record.fullNodes} full ` +
      `nodes; block, signatures and proof were checked in this browser.`
    );
  }
  return record.provenBy === 'server'
    ? 'Certified by this server’s word: this browser could not check the proof.'
    : null;
}

async function saveProof(record, problem) {
  const response = await api(`/v1/receipts/${record.hash}/proof`);
  if (response.ok) {
    download(`${record.hash.slice(0, 16)}.proof`, await response.arrayBuffer());
  } else {
    problem.textContent = await refusal(response);
  }
}

function card(record) {
  const problem = h('p', { class: 'problem', role: 'alert' }, record.problem ?? '');
  const verdicts = Object.entries(record.verdicts ?? {});
  const tone = TONES[stateOf(record)][0];
  return h(
    'li',
    { class: `card ${tone}`, id: `receipt-${record.hash.slice(0, 16)}` },
    h(
      'header',
      null,
      stateBadge(record),
      badge('plain', record.level ?? '–'),
      h('span', null, 'request ', short(record.hash, 12)),
      record.node &&
        h('a', { href: `#/node/${record.node}`, 'data-focus': `${record.hash}-node` }, 'node ', short(record.node)),
    ),
    wayOf(record),
    h('p', { class: 'note' }, [
      modelName(record.model) ?? (record.model && short(record.model)),
      record.tokens && ` · ${number(record.tokens)} tokens`,
      record.price !== undefined && ` · price ${number(record.price)}`,
    ]),
    proofLine(record) && h('p', null, proofLine(record)),
    problem,
    mapOf(record),
    h(
      'details',
      null,
      h('summary', null, 'More'),
      h(
        'dl',
        { class: 'facts' },
        h('div', null, h('dt', null, 'Request hash'), h('dd', null, h('code', null, record.hash))),
        record.node && h('div', null, h('dt', null, 'Node'), h('dd', null, h('code', null, record.node))),
        record.log && h('div', null, h('dt', null, 'Entry of the log'), h('dd', null, number(record.log.entry))),
        verdicts.length > 0 &&
          h(
            'div',
            null,
            h('dt', null, 'Verdicts'),
            h(
              'dd',
              null,
              h(
                'ul',
                null,
                verdicts.map(([auditor, opinion]) => h('li', null, short(auditor), ' ', opinion)),
              ),
            ),
          ),
        record.reasons?.length > 0 &&
          h(
            'div',
            null,
            h('dt', null, 'Reasons'),
            h(
              'dd',
              null,
              record.reasons.map((reason) => h('p', null, foreign(reason))),
            ),
          ),
      ),
    ),
    h(
      'p',
      { class: 'actions' },
      h(
        'button',
        {
          type: 'button',
          'data-focus': `${record.hash}-receipt`,
          onclick: () => download(`${record.hash.slice(0, 16)}.receipt`, record.receipt, 'text/plain'),
        },
        'Save receipt',
      ),
      record.times.certified &&
        h(
          'button',
          { type: 'button', 'data-focus': `${record.hash}-proof`, onclick: () => saveProof(record, problem) },
          'Save proof',
        ),
    ),
  );
}

/** Builds the view. */
export function build() {
  const list = h('div');
  const found = h('div', { 'aria-live': 'polite' });
  const input = h('input', {
    id: 'hash',
    name: 'hash',
    placeholder: '64 hexadecimal digits',
    maxlength: '64',
    pattern: '[0-9a-fA-F]{64}',
    required: true,
    autocomplete: 'off',
    spellcheck: 'false',
  });
  async function look(event) {
    event.preventDefault();
    const response = await api(`/v1/receipts/${input.value.toLowerCase()}`);
    if (!response.ok) {
      replace(found, h('p', { class: 'problem' }, await refusal(response)));
      return;
    }
    const json = await response.json();
    replace(
      found,
      h(
        'dl',
        { class: 'facts' },
        Object.entries({
          Status: json.status,
          Finality: json.finality,
          Level: json.level,
          Node: json.node,
          Price: json.price,
          Block: json.certified?.block,
          Signatures: json.certified && `${json.certified.signatures} of ${json.certified.full_nodes}`,
        })
          .filter(([, value]) => value !== undefined && value !== null)
          .map(([name, value]) => h('div', null, h('dt', null, name), h('dd', null, foreign(value)))),
      ),
    );
  }
  function draw(changed) {
    if (changed && changed !== 'mine' && changed !== 'models') {
      return;
    }
    const open = [...list.querySelectorAll('details[open]')].map((details) => details.closest('li')?.id);
    replace(
      list,
      mine().length
        ? h('ul', { class: 'cards' }, mine().map(card))
        : empty('None yet. Ask something under Chat: its receipt stands here, and its way to being paid.'),
    );
    for (const id of open) {
      list.querySelectorAll(`#${CSS.escape(id)} > details`).forEach((details) => {
        details.open = true;
      });
    }
  }
  return {
    element: h(
      'div',
      { class: 'view' },
      heading('Receipts'),
      panel('Of this tab', 'Their hashes are kept until the tab is closed; prompts and answers are not.', list),
      panel(
        'Look one up',
        'By the request hash that came with an answer.',
        h(
          'form',
          { class: 'line', onsubmit: look },
          h('label', { for: 'hash' }, 'Request hash'),
          input,
          h('button', { type: 'submit' }, 'Look up'),
        ),
        found,
      ),
    ),
    draw,
  };
}
