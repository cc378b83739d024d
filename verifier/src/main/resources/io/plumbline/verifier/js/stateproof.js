import { deriveKey, hash } from './blake3.js';
import { concat, equal } from './bytes.js';

const MAX_DEPTH = 256;
const EMPTY = new Uint8Array(32);

const keyed = (context) => (...parts) => deriveKey(context, concat(...parts));
const KEY = keyed('plumbline 2026-11 ledger key');
const LEAF = keyed('plumbline 2026-11 ledger leaf');
const INNER = keyed('plumbline 2026-11 ledger inner node');

/** Where an entry stands in the state tree. */
export function keyOf(kind, id) {
  return KEY(Uint8Array.of(kind), id);
}

/** Siblings on the way from the root down, and the other entry that stands where the key's would, or null. */
export function readStateProof(reader) {
  const count = reader.intWithin('siblings', 0, MAX_DEPTH);
  const siblings = Array.from({ length: count }, () => reader.fixed(32, 'sibling'));
  const hasOther = reader.intWithin('other entry', 0, 1) === 1;
  const other = hasOther
    ? { key: reader.fixed(32, 'other key'), valueHash: reader.fixed(32, "other entry's hash") }
    : null;
  reader.end();
  return { siblings, other };
}

/**
 * Whether the state with this root has the entry under the key, or none.
 *
 * @param {Uint8Array|null} value the entry, or null for none
 */
export function isInState(proof, root, key, value) {
  if (value !== null) {
    return proof.other === null && equal(root, climb(proof.siblings, key, LEAF(key, hash(value))));
  }
  if (proof.other === null) {
    return equal(root, climb(proof.siblings, key, EMPTY));
  }
  const sharesWay = proof.siblings.every((_, depth) => isRight(proof.other.key, depth) === isRight(key, depth));
  const leaf = LEAF(proof.other.key, proof.other.valueHash);
  return sharesWay && !equal(proof.other.key, key) && equal(root, climb(proof.siblings, key, leaf));
}

function climb(siblings, key, bottom) {
  return siblings.reduceRight(
    (below, sibling, depth) => (isRight(key, depth) ? INNER(sibling, below) : INNER(below, sibling)),
    bottom,
  );
}

function isRight(key, depth) {
  return (key[depth >> 3] & (0x80 >> (depth & 7))) !== 0;
}
