import { deriveKey } from './blake3.js';
import { equal, hex, toBytes, toFixed } from './bytes.js';
import { countSignatures, mostLiars, quorum, readCertificate } from './certificate.js';
import { VerificationError } from './errors.js';
import { networkFrom } from './network.js';
import { Reader } from './reader.js';
import { RECEIPT_BYTES } from './receipt.js';
import { settlementFrom } from './settlement.js';
import { isInState, keyOf, readStateProof } from './stateproof.js';

const MAX_BYTES = 1 << 20;
const FORMAT = 'plumbline certified entry 2';
const HEADER = 'plumbline 2026-11 block header';
const HEADER_BYTES = 88;
const KINDS = [
  'ACCOUNT', 'NODE', 'CASE', 'DEPOSIT', 'WITHDRAWAL', 'DATA_NODE', 'MODEL', 'FEED', 'FULL_NODE', 'META',
  'PAYMENT', 'DECLARED_FEED', 'FEED_VALUE', 'EQUIVOCATION', 'STORAGE_DEAL', 'SUCCESSION',
];

/**
 * Checks that a ledger has certified what became of a request, with nothing but the network's file.
 *
 * @param {Uint8Array|ArrayBuffer|string} given the file of /v1/receipts/REQUEST/proof, or its hexadecimal
 * @param {Uint8Array|string|object} networkFile its bytes, its text or its parsed JSON
 * @param {object} known `requestHash` (32 bytes) and `receipt` (256 bytes) that the settlement must be of, where given
 * @returns {Promise<object>} the settlement's fields, `block`, `timeMs`, `signatures`, `fullNodes`, `liarsTolerated`
 * @throws {VerificationError} with the name of what does not hold
 */
export async function verifyProof(given, networkFile, known = {}) {
  const network = networkFrom(networkFile);
  const entry = entryFrom(toBytes(given, 'certified entry', MAX_BYTES));
  const requestHash = known.requestHash === undefined ? null : toFixed(known.requestHash, 'expected request hash', 32);
  const receipt = known.receipt === undefined ? null : toFixed(known.receipt, 'expected receipt', RECEIPT_BYTES);

  const { header, certificate } = entry;
  const count = network.fullNodes.length;
  const signatures = await countSignatures(certificate, network, header);
  mustHold(signatures >= quorum(count), 'QUORUM', () =>
    `block ${header.number} is signed by ${signatures} of the network's ${count} full nodes, not by ${quorum(count)}`);
  mustHold(isInState(entry.proof, header.stateRoot, keyOf(entry.kind, entry.id), entry.value), 'STATE', () =>
    `the entry is not in the state of block ${header.number}`);
  mustHold(KINDS[entry.kind] === 'CASE', 'KIND', () => `the entry is about no request: ${KINDS[entry.kind]}`);
  mustHold(entry.value !== null, 'ABSENT', () => `block ${header.number} has no request ${hex(entry.id)}`);
  const settlement = settlementFrom(entry.value);
  for (const wanted of requestHash ? [entry.id, requestHash] : [entry.id]) {
    mustHold(equal(settlement.requestHash, wanted), 'REQUEST', () =>
      `the settlement is of request ${hex(settlement.requestHash)}, not ${hex(wanted)}`);
  }
  mustHold(!receipt || (settlement.receipt && equal(settlement.receipt.bytes, receipt)), 'RECEIPT', () =>
    'the settlement is of another receipt, or of none');
  return {
    ...settlement,
    block: header.number,
    timeMs: header.timeMs,
    signatures,
    fullNodes: count,
    liarsTolerated: mostLiars(count),
  };
}

function mustHold(isTrue, failure, reason) {
  if (!isTrue) {
    throw new VerificationError(failure, `The proof is not accepted: ${reason()}.`);
  }
}

function entryFrom(bytes) {
  const reader = new Reader(bytes, 'certified entry');
  if (reader.text('format') !== FORMAT) {
    reader.refuse('it does not say that it is one');
  }
  const header = readHeader(reader);
  const certificate = readCertificate(reader);
  const kind = reader.intWithin('kind', 0, KINDS.length - 1);
  const id = reader.variable('id');
  const isThere = reader.intWithin('presence', 0, 1) === 1;
  const value = reader.variable('value');
  if (!isThere && value.length > 0) {
    reader.refuse(`an absent entry has ${value.length} bytes`);
  }
  const proof = readStateProof(new Reader(reader.variable('proof'), 'state proof'));
  reader.end();
  return { header, certificate, kind, id, value: isThere ? value : null, proof };
}

function readHeader(reader) {
  const begin = reader.position;
  const header = {
    number: reader.long('block number'),
    stateRoot: reader.fixed(32, 'state root'),
    range: reader.fixed(32, 'range'),
    height: reader.long('height'),
    timeMs: reader.long('time'),
  };
  return { ...header, hash: deriveKey(HEADER, reader.bytes.subarray(begin, begin + HEADER_BYTES)) };
}
