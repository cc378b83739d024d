import { hash } from './blake3.js';
import { hex, toBytes } from './bytes.js';
import { PUBLIC_BYTES } from './ed25519.js';
import { VerificationError } from './errors.js';
import { Reader } from './reader.js';

const MAX_FILE_BYTES = 16 << 20;
const MAX_FULL_NODES = 1024;

/** Rules of the ledger whose genesis has the form that is read here. */
const OLDEST_RULES = 3;
const KNOWN_RULES = 9;

/**
 * A ledger by its network's file: all that a verifier of proofs trusts.
 *
 * @param {Uint8Array|string|object} file the file's bytes or text, or the object that its JSON stands for
 * @returns {{fullNodes: Uint8Array[], hash: Uint8Array}} public keys in genesis order, and the genesis' hash
 */
export function networkFrom(file) {
  const genesis = parsed(file)?.genesis;
  if (typeof genesis !== 'string') {
    throw new VerificationError('NETWORK', 'Malformed network file: it has no field "genesis" in hexadecimal.');
  }
  const bytes = toBytes(genesis, 'genesis', MAX_FILE_BYTES, 'NETWORK');
  const reader = new Reader(bytes, 'genesis', 'NETWORK');
  const count = reader.intWithin('full nodes', 1, MAX_FULL_NODES);
  const fullNodes = Array.from({ length: count }, () => reader.fixed(PUBLIC_BYTES, 'full node'));
  if (new Set(fullNodes.map(hex)).size < count) {
    reader.refuse('two full nodes have the same key');
  }
  reader.long('bond');
  reader.fixed(PUBLIC_BYTES, 'bank');
  const deposits = reader.intWithin('deposits', 0, MAX_FILE_BYTES);
  for (let i = 0; i < deposits; i++) {
    reader.fixed(PUBLIC_BYTES, 'account');
    reader.long('amount');
  }
  skipParameters(reader);
  reader.end();
  return { fullNodes, hash: hash(bytes) };
}

function parsed(file) {
  if (typeof file !== 'string' && !(file instanceof Uint8Array)) {
    return file;
  }
  if (file.length > MAX_FILE_BYTES) {
    throw new VerificationError('NETWORK', `Malformed network file: it is longer than ${MAX_FILE_BYTES} bytes.`);
  }
  try {
    return JSON.parse(typeof file === 'string' ? file : new TextDecoder('utf-8', { fatal: true }).decode(file));
  } catch {
    throw new VerificationError('NETWORK', 'Malformed network file: it is not JSON.');
  }
}

function skipParameters(reader) {
  reader.intWithin('rules', OLDEST_RULES, KNOWN_RULES);
  ['commit time', 'grace time', 'reveal time', 'escrow time', 'token time'].forEach((field) => reader.long(field));
  ['unbonding time', 'retention'].forEach((field) => reader.long(field));
  reader.int('auditors');
  reader.long('least stake');
  reader.int('cover');
  ['fee', 'registration fee', 'audit fee', 'accusation deposit'].forEach((field) => reader.long(field));
}
