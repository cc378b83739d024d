// Follows the server: by its stream of events, or where that has no place left by asking every few seconds.
import { setServerTime } from './format.js';

const SECTIONS = [
  'about',
  'answers',
  'audits',
  'blocks',
  'data_nodes',
  'feeds',
  'full_nodes',
  'judged',
  'ledger',
  'log',
  'nodes',
  'quality',
  'self',
  'slashes',
  'status',
];
const POLL_MS = 5000;
const AGAIN_MS = 30_000;
const HIDDEN_MS = 60_000;
const QUIET_MS = 8000;

const state = {};
const listeners = new Set();
let stream = null;
let polling = null;
let hiding = null;
let heardMs = 0;

/** The newest section of a name; undefined where the server has none. */
export function section(name) {
  return state[name];
}

/** Has `listener(name)` called with each section that changes. */
export function onChange(listener) {
  listeners.add(listener);
}

/** Says that something of this name has changed: a section, or what the page itself keeps. */
export function changed(name) {
  listeners.forEach((listener) => listener(name));
}

function take(name, value) {
  state[name] = value;
  if (name === 'status') {
    setServerTime(value.now_ms);
  }
  changed(name);
}

function tell(tone, text) {
  const live = document.getElementById('live');
  live.className = `live ${tone}`;
  const words = live.lastElementChild;
  if (words.textContent !== text) {
    words.textContent = text;
  }
}

function heard() {
  heardMs = Date.now();
  const problem = state.status?.problem;
  tell(problem ? 'warn' : 'good', problem ? 'Old' : 'Live');
  document.getElementById('live').title = problem ?? 'The server tells this page what changes.';
}

async function ask() {
  try {
    const response = await fetch('/ui/state', { cache: 'no-store' });
    for (const [name, value] of Object.entries(await response.json())) {
      if (JSON.stringify(state[name]) !== JSON.stringify(value)) {
        take(name, value);
      }
    }
    heard();
  } catch {
    tell('bad', 'Not reached');
  }
}

function poll() {
  if (!polling) {
    ask();
    polling = setInterval(ask, POLL_MS);
    setTimeout(follow, AGAIN_MS);
  }
}

function follow() {
  clearInterval(polling);
  polling = null;
  stream?.close();
  stream = new EventSource('/ui/events');
  for (const name of SECTIONS) {
    stream.addEventListener(name, (event) => {
      take(name, JSON.parse(event.data));
      if (name === 'status') {
        heard();
      }
    });
  }
  stream.addEventListener('error', () => {
    if (stream.readyState === EventSource.CLOSED) {
      poll();
    } else {
      tell('bad', 'Not reached');
    }
  });
}

/** Begins. A page that nobody looks at gives its place up. */
export function start() {
  follow();
  setInterval(() => {
    // The server's own look may wait for a ledger that does not answer.
    if (heardMs > 0 && Date.now() - heardMs > QUIET_MS && stream.readyState === EventSource.OPEN) {
      tell('warn', 'Old');
    }
  }, 1000);
  document.addEventListener('visibilitychange', () => {
    clearTimeout(hiding);
    if (document.hidden) {
      hiding = setTimeout(() => stream.close(), HIDDEN_MS);
    } else if (stream.readyState === EventSource.CLOSED && !polling) {
      follow();
    }
  });
}
