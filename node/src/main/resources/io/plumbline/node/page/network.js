// The network as it lives: roles, load, standing, blocks.
import { badge, empty, foreign, h, heading, panel, replace, s, table } from './dom.js';
import { ago, milliseconds, number, serverNow, short } from './format.js';
import { section } from './live.js';
import { modelName } from './store.js';

const SHOWN_BLOCKS = 24;
const MAX_POINTS = 60;

/** How a node stands, in a word. */
export function standing(node) {
  if (node.slashed) {
    return badge('bad', 'slashed');
  }
  const away = { lied: 'lied to this gateway', away: 'not reached', busy: 'busy' }[node.load?.left_out];
  if (away) {
    return badge(node.load.left_out === 'lied' ? 'bad' : 'warn', away);
  }
  return node.faults > 0 ? badge('warn', `${number(node.faults)} faults`) : badge('good', 'good');
}

function tile(label, value, note, extra) {
  return h(
    'div',
    { class: 'tile' },
    h('dt', null, label),
    h('dd', null, h('strong', null, value), note && h('span', null, note)),
    extra,
  );
}

/** A line of the last readings. */
function sparkline(points) {
  if (points.length < 2) {
    return null;
  }
  const most = Math.max(...points, 1);
  const step = 120 / (MAX_POINTS - 1);
  const from = 120 - step * (points.length - 1);
  const path = points.map(
    (point, i) => `${i ? 'L' : 'M'}${(from + i * step).toFixed(1)} ${(30 - (26 * point) / most).toFixed(1)}`,
  );
  return s(
    'svg',
    { class: 'spark', viewBox: '0 0 120 32', 'aria-hidden': 'true', preserveAspectRatio: 'none' },
    s('path', { d: `${path.join('')}L120 32L${from} 32Z`, class: 'area' }),
    s('path', { d: path.join('') }),
  );
}

function place(index, count, from, to) {
  return from + ((index + 1) * (to - from)) / (count + 1);
}

/** Roles as they stand to each other: a picture of what the tables say. */
function picture() {
  const nodes = section('nodes')?.rows.slice(0, 6) ?? [];
  const fulls = section('full_nodes')?.slice(0, 7) ?? [];
  const datas = section('data_nodes')?.rows.slice(0, 5) ?? [];
  const signers = new Set(section('blocks')?.[0]?.signers ?? []);
  const isGateway = section('about')?.role === 'gateway';
  const middle = 110;
  const lines = [];
  const marks = [];
  nodes.forEach((node, i) => {
    const y = place(i, nodes.length, 20, 200);
    const isBusy = node.load?.under_way > 0;
    if (isGateway) {
      lines.push(s('path', { class: isBusy ? 'flow' : '', d: `M96 ${middle}C190 ${middle} 190 ${y} 282 ${y}` }));
    }
    fulls.forEach((full, j) => {
      const to = place(j, fulls.length, 20, 200);
      lines.push(s('path', { class: 'thin', d: `M318 ${y}C420 ${y} 420 ${to} 526 ${to}` }));
    });
    marks.push(
      s('circle', { class: node.slashed ? 'mark bad' : 'mark node', cx: 300, cy: y, r: 14 }),
      s('text', { x: 300, y: y + 28 }, node.key.slice(0, 6)),
    );
  });
  fulls.forEach((full, i) => {
    const y = place(i, fulls.length, 20, 200);
    const tone = full.guilty || full.dissents ? 'bad' : signers.has(full.place) ? 'full' : 'idle';
    marks.push(
      s('rect', { class: `mark ${tone}`, x: 528, y: y - 10, width: 20, height: 20, rx: 5 }),
      s('text', { class: 'start', x: 556, y: y + 4 }, `${full.place}`),
    );
  });
  datas.forEach((data, i) => {
    const x = place(i, datas.length, 200, 400);
    marks.push(s('rect', { class: 'mark data', x: x - 9, y: 218, width: 18, height: 18, rx: 3 }));
  });
  if (isGateway) {
    marks.push(
      s('circle', { class: 'mark gateway', cx: 78, cy: middle, r: 18 }),
      s('text', { x: 78, y: middle + 34 }, 'gateway'),
    );
  }
  return s(
    'svg',
    { class: 'picture', viewBox: isGateway ? '0 0 620 250' : '190 0 430 250', 'aria-hidden': 'true' },
    lines,
    marks,
    s('text', { class: 'label', x: 300, y: 12 }, nodes.length ? 'inference nodes' : ''),
    s('text', { class: 'label', x: 538, y: 12 }, 'full nodes'),
    datas.length > 0 && s('text', { class: 'label', x: 300, y: 249 }, 'data nodes'),
  );
}

function more(list) {
  const left = list.total - list.rows.length;
  return left > 0 ? h('p', { class: 'note' }, `${number(left)} more are not shown.`) : null;
}

function nodesTable() {
  const nodes = section('nodes');
  if (!nodes?.rows.length) {
    return empty('No inference node is registered.');
  }
  const hasLoad = nodes.rows.some((node) => node.load);
  const columns = [
    'Node',
    'Model',
    'Price a token',
    'Audited up to',
    hasLoad ? 'Answering now' : 'Reserved',
    'Stake',
    'Standing',
  ];
  return [
    table(
      'Inference nodes',
      columns,
      nodes.rows.map((node) => [
        h('a', { href: `#/node/${node.key}`, 'data-focus': node.key }, short(node.key)),
        modelName(node.model) ?? short(node.model),
        number(node.price),
        node.level,
        hasLoad
          ? [
              number(node.load?.under_way ?? 0),
              node.load?.first_token_ms > 0 &&
                h('small', null, ` · first token ${milliseconds(node.load.first_token_ms)}`),
            ]
          : number(node.reserved ?? 0),
        number(node.stake),
        standing(node),
      ]),
    ),
    more(nodes),
  ];
}

function fullsTable() {
  const signers = new Set(section('blocks')?.[0]?.signers ?? []);
  return table(
    'Full nodes',
    ['Place', 'Key', 'Address', 'Last block', 'Standing'],
    (section('full_nodes') ?? []).map((full) => [
      `${full.place}`,
      short(full.key),
      foreign(full.address),
      signers.has(full.place) ? 'signed' : 'not needed',
      full.guilty
        ? badge('bad', 'lost its bond')
        : full.dissents
          ? badge('warn', 'signs another block')
          : badge('good', 'good'),
    ]),
  );
}

function blockCards() {
  const blocks = section('blocks') ?? [];
  const all = section('full_nodes') ?? [];
  if (!blocks.length) {
    return empty('No block has been certified yet.');
  }
  return h(
    'ol',
    { class: 'blocks', tabindex: '0', 'aria-label': 'Certified blocks, the newest first' },
    blocks.slice(0, SHOWN_BLOCKS).map((block, i) =>
      h(
        'li',
        null,
        h('b', null, number(block.number)),
        h(
          'span',
          null,
          blocks[i + 1] ? `+${number(block.height - blocks[i + 1].height)} commands` : `height ${number(block.height)}`,
        ),
        h(
          'span',
          {
            class: 'dots',
            role: 'img',
            'aria-label': `signed by ${block.signers.length} of ${all.length} full nodes`,
          },
          all.map((full) => h('i', { class: block.signers.includes(full.place) ? 'on' : '' })),
        ),
        ago(block.time_ms),
      ),
    ),
  );
}

function tiles(rates) {
  const ledger = section('ledger');
  const blocks = section('blocks') ?? [];
  const fulls = section('full_nodes') ?? [];
  const answers = section('answers');
  const self = section('self');
  const signed = blocks[0]?.signers.length ?? 0;
  const waits = ledger?.waits_since_ms > 0 ? serverNow() - ledger.waits_since_ms : 0;
  return h(
    'dl',
    { class: 'tiles' },
    tile(
      'Certified block',
      ledger ? number(ledger.certified) : '–',
      waits > 5000 ? `the next waits for ${Math.round(waits / 1000)} s` : `epoch ${ledger?.epoch ?? '–'}`,
    ),
    tile('Commands ordered', ledger ? number(ledger.height) : '–', null, sparkline(rates)),
    tile('Signatures', `${signed} of ${fulls.length}`, 'under the last block'),
    tile(
      'Money',
      ledger ? (ledger.difference === 0 ? 'adds up' : `${number(ledger.difference)} off`) : '–',
      ledger && `${number(ledger.deposited)} came in`,
    ),
    answers &&
      tile(
        'Answers bought',
        number(answers.bought),
        `${number(answers.settled)} settled, ${number(answers.refunded + answers.slashed)} not`,
      ),
    self && tile('This full node', self.leads ? 'leads' : 'follows', `${number(self.audits_waiting)} audits wait`),
  );
}

/** Builds the view. */
export function build() {
  const parts = {
    tiles: h('div'),
    picture: h('div'),
    blocks: h('div'),
    nodes: h('div'),
    fulls: h('div'),
    datas: h('div'),
  };
  const rates = [];
  let last = null;
  const element = h(
    'div',
    { class: 'view' },
    heading('Network'),
    parts.tiles,
    h(
      'div',
      { class: 'columns' },
      panel('Who is there', 'Nodes compute; full nodes order, audit and sign.', parts.picture),
      panel('Full nodes', null, parts.fulls),
    ),
    panel('Inference nodes', 'Open one for how its answers came out.', parts.nodes),
    panel('Blocks', 'Each is signed by a quorum of full nodes.', parts.blocks),
    panel('Data nodes', 'They keep files by their hash and report facts.', parts.datas),
  );
  function rate() {
    const ledger = section('ledger');
    if (ledger && last && ledger.height > last.height) {
      rates.push((ledger.height - last.height) / Math.max(0.5, (Date.now() - last.at) / 1000));
    } else if (last) {
      rates.push(0);
    }
    rates.splice(0, rates.length - MAX_POINTS);
    last = ledger && { height: ledger.height, at: Date.now() };
  }
  return {
    element,
    draw(changed) {
      if (changed === 'status') {
        rate();
      }
      const is = (...names) => changed === undefined || names.includes(changed);
      if (is('status', 'ledger', 'answers', 'self')) {
        replace(parts.tiles, tiles(rates));
      }
      if (is('nodes', 'full_nodes', 'data_nodes', 'blocks', 'about')) {
        replace(parts.picture, picture());
        replace(parts.fulls, fullsTable());
      }
      if (is('blocks', 'full_nodes')) {
        const kept = parts.blocks.firstElementChild?.scrollLeft ?? 0;
        replace(parts.blocks, blockCards());
        parts.blocks.firstElementChild.scrollLeft = kept;
      }
      if (is('nodes', 'models')) {
        replace(parts.nodes, nodesTable());
      }
      if (is('data_nodes')) {
        const list = section('data_nodes');
        replace(
          parts.datas,
          list?.rows.length
            ? [
                table(
                  'Data nodes',
                  ['Node', 'Address'],
                  list.rows.map((data) => [short(data.key), foreign(data.address)]),
                ),
                more(list),
              ]
            : empty('No data node is registered.'),
        );
      }
    },
  };
}
