// State that this browser keeps while its tab is open: an API key, the models, and the receipts of answers that were
// asked for here. No prompt and no answer is kept.
import { deriveKey } from './js/blake3.js';
import { hex } from './js/bytes.js';
import { VerificationError, verifyProof, verifyReceipt } from './js/verifier.js';
import { changed, section } from './live.js';

const KEY = 'plumbline.api-key';
const RECEIPTS = 'plumbline.receipts';
const MAX_RECEIPTS = 50;
const FIRST_MS = 400;
const SLOWEST_MS = 10_000;
const GIVEN_UP_MS = 15 * 60_000;

let models = [];

function kept(name) {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
}

function keep(name, value) {
  try {
    sessionStorage.setItem(name, value);
  } catch {
    // It holds until the page is left.
  }
}

let key = kept(KEY) ?? '';

export function apiKey() {
  return key;
}

export function setApiKey(value) {
  key = value.trim();
  keep(KEY, key);
}

/** Asks the server's API, with the key where there is one. */
export function api(path, options = {}) {
  const headers = { ...options.headers, ...(key ? { authorization: `Bearer ${key}` } : {}) };
  return fetch(path, { cache: 'no-store', ...options, headers });
}

/** The server's word on what went wrong. */
export async function refusal(response) {
  try {
    const json = await response.json();
    return json.error?.message ?? json.error ?? `The server answered ${response.status}.`;
  } catch {
    return `The server answered ${response.status}.`;
  }
}

/** Reads the models that may be asked; those of language have layers. */
export async function readModels() {
  const response = await api('/v1/models');
  if (!response.ok) {
    throw new Error(await refusal(response));
  }
  models = (await response.json()).data;
  changed('models');
  return models;
}

/** The name of a model by its id; undefined where this server has not told it. */
export function modelName(id) {
  return models.find((model) => model.plumbline_model_id === id)?.id;
}

function layersOf(id) {
  return models.find((model) => model.plumbline_model_id === id)?.plumbline_layers ?? 0;
}

const receipts = JSON.parse(kept(RECEIPTS) ?? '[]');

/** Receipts of answers that were asked for here, the newest first. */
export function mine() {
  return receipts;
}

export function find(hash) {
  return receipts.find((one) => one.hash === hash);
}

function note(record, changes) {
  Object.assign(record, changes);
  keep(RECEIPTS, JSON.stringify(receipts));
  changed('mine');
}

/** The network as this server names it; null where it names none. */
export function serversNetwork() {
  const genesis = section('about')?.genesis;
  return genesis ? { genesis } : null;
}

/**
 * Takes the receipt that came with an answer, checks its signature here, and follows it.
 *
 * @param {object} given the field `plumbline` of the answer
 * @param {string} level that was asked for
 */
export async function add(given, level) {
  const record = {
    hash: given.request_hash,
    receipt: given.receipt,
    level,
    node: given.node,
    price: given.price,
    times: {},
    problem: null,
  };
  receipts.unshift(record);
  receipts.splice(MAX_RECEIPTS);
  try {
    const checked = await verifyReceipt(given.receipt, { requestHash: given.request_hash, node: given.node });
    note(record, {
      model: hex(checked.modelId),
      promptTokens: checked.promptTokens,
      tokens: checked.promptTokens + checked.outputTokens,
      layers: layersOf(hex(checked.modelId)),
      isChecked: true,
      times: { signed: Date.now() },
    });
  } catch (error) {
    // Without WebCrypto (a page over plain HTTP from another host) the receipt stands unchecked, and says so.
    const isFalse = error instanceof VerificationError;
    note(record, { problem: error.message, isFalse, times: isFalse ? {} : { signed: Date.now() } });
  }
  if (!record.isFalse) {
    follow(record);
  }
  return record;
}

/**
 * How far a receipt is: "false", "signed", "local", "ordered", "audited", "certified", "refunded" or "slashed"; "told"
 * where the server says that it is certified, and this browser could not check it.
 */
export function stateOf(record) {
  if (record.isFalse) {
    return 'false';
  }
  if (record.finality === 'local') {
    return 'local';
  }
  if (record.times.certified && record.status === 'SETTLED' && record.provenBy !== 'browser') {
    return 'told';
  }
  if (record.times.certified) {
    return { SETTLED: 'certified', REFUNDED: 'refunded', SLASHED: 'slashed' }[record.status];
  }
  return record.times.audited ? 'audited' : record.times.ordered ? 'ordered' : 'signed';
}

async function follow(record) {
  const began = Date.now();
  for (let wait = FIRST_MS; Date.now() - began < GIVEN_UP_MS; wait = Math.min(SLOWEST_MS, wait * 1.3)) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    try {
      if (await look(record)) {
        return;
      }
    } catch (error) {
      note(record, { problem: error.message });
    }
  }
}

/** Asks where a receipt stands; true where nothing more is to come soon. */
async function look(record) {
  const response = await api(`/v1/receipts/${record.hash}`);
  if (response.status === 404) {
    return false;
  }
  if (!response.ok) {
    throw new Error(await refusal(response));
  }
  const found = await response.json();
  const now = Date.now();
  const times = { ...record.times };
  const isOver = ['SETTLED', 'REFUNDED', 'SLASHED'].includes(found.status);
  if (found.finality === 'local') {
    note(record, { finality: 'local', status: found.status, log: found.log });
    return true;
  }
  if (found.status !== 'ESCROWED') {
    times.ordered ??= now;
  }
  if (isOver || Object.keys(found.verdicts ?? {}).length > 0) {
    times.audited ??= now;
  }
  note(record, {
    status: found.status,
    level: found.level,
    finality: found.finality,
    verdicts: found.verdicts,
    reasons: found.reasons,
    certified: found.certified,
    times,
    problem: record.isChecked ? null : record.problem,
  });
  if (isOver && found.finality === 'certified') {
    await prove(record);
    return true;
  }
  return false;
}

/** The proof of how an answer ended, checked here with the full nodes' keys. */
async function prove(record) {
  const network = serversNetwork();
  const times = { ...record.times, certified: Date.now() };
  if (!network || !record.isChecked) {
    note(record, { times, provenBy: 'server' });
    return;
  }
  const response = await api(`/v1/receipts/${record.hash}/proof`);
  if (!response.ok) {
    throw new Error(await refusal(response));
  }
  try {
    const proof = await verifyProof(await response.arrayBuffer(), network, {
      requestHash: record.hash,
      receipt: record.receipt,
    });
    note(record, {
      times,
      provenBy: 'browser',
      status: proof.status,
      paysMs: Number(proof.deadlineMs),
      block: Number(proof.block),
      blockMs: Number(proof.timeMs),
      signatures: proof.signatures,
      fullNodes: proof.fullNodes,
      beacon: hex(proof.beacon),
      posted: proof.posted,
    });
  } catch (error) {
    note(record, { isFalse: true, problem: error.message });
  }
}

/**
 * The cell that all auditors of an answer check at AUDITED, by the beacon that the ledger drew once the receipt was
 * ordered. As docs/audit-protocol.md and Cells.common have it.
 */
export function commonCell(beacon, layers, tokens) {
  const bytes = Uint8Array.from(beacon.match(/../g), (two) => parseInt(two, 16));
  const drawn = new DataView(deriveKey('plumbline 2026-11 common cell', bytes).buffer);
  const layer = Number(drawn.getBigUint64(0, true) % BigInt(layers));
  const token = Number(drawn.getBigUint64(8, true) % BigInt(tokens));
  return [layer, token, token + 1];
}

for (const record of receipts) {
  if (!record.isFalse && !record.times.certified && record.finality !== 'local') {
    follow(record);
  }
}
