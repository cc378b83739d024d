// The page: which sections its server has, and which of them is shown.
import { h, replace } from './dom.js';
import { onChange, section, start } from './live.js';
import * as audits from './audits.js';
import * as chat from './chat.js';
import * as feeds from './feeds.js';
import * as network from './network.js';
import * as node from './node.js';
import * as receipts from './receipts.js';
import * as slashes from './slashes.js';
import { readModels } from './store.js';
import * as verify from './verify.js';

/** Sections that each kind of server shows, in the order of its sections. */
const SHOWN = {
  gateway: ['network', 'chat', 'receipts', 'slashes', 'feeds', 'verify'],
  'full node': ['network', 'audits', 'slashes', 'feeds', 'verify'],
  serve: ['chat', 'receipts', 'verify'],
};

const VIEWS = { network, chat, receipts, audits, slashes, feeds, verify, node };
const TITLES = {
  network: 'Network',
  chat: 'Chat',
  receipts: 'Receipts',
  audits: 'Audits',
  slashes: 'Slashes',
  feeds: 'Feeds and data',
  verify: 'Verify',
};
const ROLES = { gateway: 'Gateway', 'full node': 'Full node', serve: 'This host alone' };

const built = {};
let shown = null;

function sections() {
  return SHOWN[section('about')?.role] ?? ['verify'];
}

/** The view and its argument of the address, such as #/node/KEY. */
function place() {
  const [, name, argument] = location.hash.split('/');
  const isThere = sections().includes(name) || (name === 'node' && sections().includes('network'));
  return isThere ? { name, argument } : { name: sections()[0], argument: undefined };
}

function drawNav(current) {
  replace(
    document.getElementById('nav'),
    sections().map((name) => {
      const isCurrent = name === current || (current === 'node' && name === 'network');
      return h(
        'a',
        {
          href: `#/${name}`,
          'data-focus': name,
          'aria-current': isCurrent ? 'page' : null,
        },
        TITLES[name],
        name === 'slashes' && count(section('slashes')?.length),
      );
    }),
  );
}

function count(number) {
  return number ? h('span', { class: 'count' }, number) : null;
}

function show(isMove) {
  const { name, argument } = place();
  const key = argument === undefined ? name : `${name}/${argument}`;
  drawNav(name);
  if (shown?.key === key) {
    return;
  }
  // Views stay as they are, so that an answer goes on while others are looked at; those of one node are built anew.
  const view = argument === undefined ? (built[name] ??= VIEWS[name].build()) : VIEWS[name].build(argument);
  shown = { key, view };
  replace(document.getElementById('main'), view.element);
  document.title = `${TITLES[name] ?? 'Node'} · Plumbline`;
  view.draw?.();
  if (isMove) {
    document.getElementById('main').focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

onChange((name) => {
  if (name === 'about') {
    const about = section('about');
    document.getElementById('role').textContent =
      (ROLES[about.role] ?? about.role) + (about.place === undefined ? '' : ` ${about.place}`);
    if (sections().includes('chat') && !about.needs_key) {
      // Nodes are shown with their models' names; where a key is needed the chat asks, with it.
      readModels().catch(() => {});
    }
  }
  if (name === 'about' || name === 'slashes') {
    show(false);
  }
  shown?.view.draw?.(name);
});
addEventListener('hashchange', () => show(true));
document.addEventListener('theme', () => shown?.view.draw?.());
start();
