import { PUBLIC_BYTES } from './ed25519.js';
import { Reader } from './reader.js';
import { receiptFrom } from './receipt.js';

const LEVELS = ['SIGNED', 'AUDITED', 'FULL'];
const STATUSES = ['ESCROWED', 'AUDITING', 'REVEALING', 'SETTLED', 'SLASHED', 'REFUNDED'];
const OPINIONS = ['GOOD', 'BAD', 'CANNOT_JUDGE', 'SILENT'];
const MAX_AUDITORS = 1024;
const MAX_STEP = 64;
const MAX_PLACE = 256;
const MAX_CELL_TOKENS = 256;

/** The ledger's entry on one request: its escrow, its receipt, what auditors said and how it ended. */
export function settlementFrom(bytes) {
  const reader = new Reader(bytes, 'case');
  const settlement = {
    requestHash: reader.fixed(32, 'request hash'),
    requester: reader.fixed(PUBLIC_BYTES, 'requester'),
    node: reader.fixed(PUBLIC_BYTES, 'node'),
    pricePerToken: reader.long('price'),
    tokens: reader.long('tokens'),
    fee: reader.long('fee'),
    reserved: reader.long('reserved stake'),
    openingMs: reader.long('opening time'),
    level: LEVELS[reader.intWithin('level', 0, LEVELS.length - 1)],
    status: STATUSES[reader.intWithin('status', 0, STATUSES.length - 1)],
    receipt: receiptOf(reader),
    ...audit(reader),
    deadlineMs: reader.long('deadline'),
    height: reader.long('height'),
  };
  reader.end();
  const { pricePerToken, tokens } = settlement;
  if (pricePerToken < 0n || tokens < 0n || pricePerToken * tokens >= 2n ** 63n) {
    reader.refuse(`an escrow of ${tokens} tokens at ${pricePerToken}`);
  }
  return settlement;
}

function receiptOf(reader) {
  const bytes = reader.variable('receipt');
  return bytes.length === 0 ? null : receiptFrom(bytes);
}

/** The audit: its beacon, the cells posted [{layer, from, to}], the verdicts told [{auditor, opinion, step, place}]. */
function audit(reader) {
  const beacon = reader.fixed(32, 'beacon');
  const count = reader.intWithin('auditors', 0, MAX_AUDITORS);
  const auditors = Array.from({ length: count }, () => reader.fixed(PUBLIC_BYTES, 'auditor'));
  reader.int('round');
  const posted = ofAuditors(reader, 'posted', auditors, () => cell(reader));
  ofAuditors(reader, 'commitments', auditors, () => reader.fixed(32, 'commitment'));
  const verdicts = ofAuditors(reader, 'verdicts', auditors, (auditor) => ({ auditor, ...verdict(reader) }));
  return { beacon, auditors, posted, verdicts };
}

/** A list of what some auditors said, each after its auditor's place. */
function ofAuditors(reader, field, auditors, read) {
  const count = reader.intWithin(field, 0, auditors.length);
  return Array.from({ length: count }, () =>
    read(auditors[reader.intWithin("auditor's place", 0, auditors.length - 1)]));
}

function cell(reader) {
  const layer = reader.intWithin('layer', 0, 0x7fffffff);
  const from = reader.intWithin('from', 0, 0x7fffffff);
  const to = reader.int('to');
  if (to <= from || to - from > MAX_CELL_TOKENS) {
    reader.refuse(`a cell of tokens ${from} to ${to}`);
  }
  return { layer, from, to };
}

function verdict(reader) {
  const opinion = OPINIONS[reader.intWithin('opinion', 0, OPINIONS.length - 1)];
  const step = reader.text('step');
  const place = reader.text('place');
  reader.fixed(32, 'work');
  reader.fixed(32, 'salt');
  if (step.length > MAX_STEP || place.length > MAX_PLACE) {
    reader.refuse("a verdict's reason is too long");
  }
  return { opinion, step, place };
}
