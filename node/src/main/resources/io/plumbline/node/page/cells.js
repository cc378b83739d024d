// The map of an audit: a column for each token, a row for each layer, and which of these cells were checked.
import { h, table } from './dom.js';
import { number } from './format.js';

const MOST_HEIGHT = 240;
const MOST_CELL = 16;
const LEAST_GAP_CELL = 5;

/**
 * Cells that an audit looked at.
 *
 * @typedef {object} Audit
 * @property {number} layers of the model; row `layers` stands for the final records, in which tokens are chosen
 * @property {number} tokens of the trace, the last of the answer left out
 * @property {number} promptTokens
 * @property {Array<{cell: number[], kind: string}>} cells [layer, from, to] each; kind is all, posted, common, drawn
 *     or false
 * @property {boolean} isAll whether every cell was checked
 */

/** How each cell of the map stands; a false one over all others. */
function kindAt(audit, layer, token) {
  let kind = audit.isAll ? 'all' : null;
  for (const one of audit.cells) {
    const [row, from, to] = one.cell;
    if (row === layer && token >= from && token < to) {
      kind = one.kind === 'false' || kind === null || kind === 'all' ? one.kind : kind;
    }
  }
  return kind;
}

const WORDS = {
  all: 'checked',
  posted: 'checked, posted by an auditor',
  common: 'checked by all auditors, drawn by the beacon',
  drawn: 'checked, drawn by this auditor',
  false: 'false',
};

function colors() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  return {
    prompt: of('--cell-prompt'),
    answer: of('--cell-answer'),
    all: of('--cell-all'),
    drawn: of('--cell-drawn'),
    common: of('--cell-common'),
    posted: of('--warn'),
    false: of('--bad'),
    ink: of('--ink'),
  };
}

function paint(canvas, audit, cursor) {
  const width = canvas.clientWidth;
  if (width === 0) {
    return;
  }
  const rows = audit.layers + 1;
  const size = Math.max(0.1, Math.min(MOST_CELL, width / audit.tokens));
  const height = Math.min(MOST_CELL, Math.max(3, Math.floor(MOST_HEIGHT / rows)));
  const ratio = devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = (rows * height + 4) * ratio;
  canvas.style.height = `${rows * height + 4}px`;
  canvas.nextElementSibling.style.maxWidth = `max(16rem, ${Math.round(audit.tokens * size)}px)`;
  const draw = canvas.getContext('2d');
  draw.scale(ratio, ratio);
  const palette = colors();
  const gap = size >= LEAST_GAP_CELL && height >= LEAST_GAP_CELL ? 1 : 0;
  // Final records stand a little apart: no layer is computed there, a token is chosen.
  const top = (layer) => layer * height + (layer === audit.layers ? 4 : 0);
  const fill = (layer, from, to, color, least = 0) => {
    draw.fillStyle = color;
    for (let token = from; token < to; token++) {
      draw.fillRect(token * size, top(layer), Math.max(least, size - gap), height - gap);
      if (gap === 0 && token === from) {
        draw.fillRect(from * size, top(layer), Math.max(least, (to - from) * size), height - gap);
        return;
      }
    }
  };
  for (let layer = 0; layer < rows; layer++) {
    fill(layer, 0, audit.promptTokens, audit.isAll ? palette.all : palette.prompt);
    fill(layer, audit.promptTokens, audit.tokens, audit.isAll ? palette.all : palette.answer);
  }
  if (audit.isAll) {
    draw.globalAlpha = 0.28;
    for (let layer = 0; layer < rows; layer++) {
      fill(layer, 0, audit.promptTokens, palette.ink);
    }
    draw.globalAlpha = 1;
  }
  for (const order of ['all', 'drawn', 'posted', 'common', 'false']) {
    for (const {
      cell: [layer, from, to],
      kind,
    } of audit.cells) {
      if (kind === order) {
        fill(layer, from, to, palette[kind], 3);
      }
    }
  }
  if (cursor) {
    draw.strokeStyle = palette.ink;
    draw.lineWidth = 2;
    draw.strokeRect(cursor.token * size - 0.5, top(cursor.layer) - 0.5, Math.max(4, size), height);
  }
}

/** In a sentence or two, for those who do not see the map. */
export function summary(audit) {
  const all = `${number(audit.layers)} layers over ${number(audit.tokens)} tokens`;
  const wrong = audit.cells.find((one) => one.kind === 'false');
  const fault = wrong ? ` Found false at ${where(audit, wrong.cell)}.` : '';
  if (audit.isAll) {
    return `Every cell was checked: ${all}, and all choices.${fault}`;
  }
  if (audit.cells.some((one) => one.kind === 'all')) {
    return `Layer by layer over ${number(audit.tokens)} tokens, up to what was false.${fault}`;
  }
  const inLayers = audit.cells.filter((one) => one.cell[0] < audit.layers).length;
  const choices = audit.cells.length - inLayers;
  const common = audit.cells.find((one) => one.kind === 'common');
  return (
    `${counted(inLayers, 'cell')} of ${all}${choices > 0 ? `, and ${counted(choices, 'choice')}` : ''}.` +
    (common ? ` The beacon drew ${where(audit, common.cell)} for all auditors.` : '') +
    fault
  );
}

function counted(count, what) {
  return `${number(count)} ${what}${count === 1 ? '' : 's'}`;
}

function where(audit, [layer, from, to]) {
  const tokens = to - from === 1 ? `token ${from}` : `tokens ${from} to ${to - 1}`;
  return layer === audit.layers ? `the final record of ${tokens}` : `layer ${layer}, ${tokens}`;
}

function legend(audit) {
  const kinds = audit.isAll ? ['all'] : [];
  for (const { kind } of audit.cells) {
    if (!kinds.includes(kind)) {
      kinds.push(kind);
    }
  }
  const names = {
    all: 'checked',
    drawn: 'drawn by this auditor',
    common: 'common to all auditors',
    posted: 'posted',
    false: 'false',
  };
  return h(
    'ul',
    { class: 'legend' },
    !audit.isAll && h('li', null, h('i', { class: 'cell-prompt' }), 'prompt'),
    !audit.isAll && h('li', null, h('i', { class: 'cell-answer' }), 'answer'),
    kinds.map((kind) => h('li', null, h('i', { class: `cell-${kind}` }), names[kind])),
  );
}

const painted = new Set();
document.addEventListener('theme', () => painted.forEach((again) => again()));

/** The map with its legend, its sentence, and its cells as a table. Arrow keys go from cell to cell. */
export function cellMap(audit) {
  let cursor = null;
  const readout = h('p', { class: 'readout', 'aria-live': 'polite' }, ' ');
  const canvas = h('canvas', {
    class: 'cells',
    tabindex: '0',
    role: 'img',
    'aria-label': `${summary(audit)} Arrow keys go from cell to cell.`,
  });
  const again = () => (canvas.isConnected ? paint(canvas, audit, cursor) : painted.delete(again));
  const move = (layer, token) => {
    cursor = {
      layer: Math.min(audit.layers, Math.max(0, layer)),
      token: Math.min(audit.tokens - 1, Math.max(0, token)),
    };
    const kind = kindAt(audit, cursor.layer, cursor.token);
    const part = cursor.token < audit.promptTokens ? 'prompt' : 'answer';
    const place = where(audit, [cursor.layer, cursor.token, cursor.token + 1]);
    readout.textContent =
      `${place[0].toUpperCase()}${place.slice(1)} (${part}): ` + `${kind ? WORDS[kind] : 'not looked at'}.`;
    again();
  };
  canvas.addEventListener('pointermove', (event) => {
    const size = Math.min(MOST_CELL, canvas.clientWidth / audit.tokens);
    const rows = audit.layers + 1;
    move(Math.floor((event.offsetY / canvas.clientHeight) * rows), Math.floor(event.offsetX / size));
  });
  canvas.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (step) {
      event.preventDefault();
      const at = cursor ?? { layer: 0, token: -step[1] };
      move(at.layer + (cursor ? step[0] : 0), at.token + step[1]);
    }
  });
  canvas.addEventListener('blur', () => {
    cursor = null;
    readout.textContent = ' ';
    again();
  });
  new ResizeObserver(() => {
    painted.add(again);
    again();
  }).observe(canvas);
  return h(
    'figure',
    { class: 'map' },
    canvas,
    h(
      'div',
      { class: 'axis', 'aria-hidden': 'true' },
      h('span', null, 'token 0'),
      h('span', null, `layers 0–${audit.layers - 1} ↓, choices below`),
      h('span', null, `${audit.tokens - 1}`),
    ),
    readout,
    legend(audit),
    h('figcaption', null, summary(audit)),
    audit.cells.length > 0 &&
      !audit.isAll &&
      h(
        'details',
        null,
        h('summary', null, 'Cells as a list'),
        table(
          'Cells',
          ['Layer', 'Tokens', 'Why'],
          audit.cells.map(({ cell: [layer, from, to], kind }) => [
            layer === audit.layers ? 'choice' : `${layer}`,
            to - from === 1 ? `${from}` : `${from}–${to - 1}`,
            WORDS[kind],
          ]),
        ),
      ),
  );
}
