/** BLAKE3 in its three modes, as https://github.com/BLAKE3-team/BLAKE3-specs describes it, of a message at hand. */

const IV = Uint32Array.of(
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
);
const PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
const ROUNDS = 7;
const BLOCK_BYTES = 64;
const CHUNK_BYTES = 1024;

const CHUNK_START = 1;
const CHUNK_END = 2;
const PARENT = 4;
const ROOT = 8;
const KEYED_HASH = 16;
const DERIVE_KEY_CONTEXT = 32;
const DERIVE_KEY_MATERIAL = 64;

/** Places of the message's words in each round, one after the other. */
const SCHEDULE = [];
for (let round = 0, order = [...Array(16).keys()]; round < ROUNDS; round++) {
  SCHEDULE.push(...order);
  order = PERMUTATION.map((place) => order[place]);
}

/** Columns, then diagonals, of the state's 4 x 4 words. */
const MIXED = [
  0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15, 0, 5, 10, 15, 1, 6, 11, 12, 2, 7, 8, 13, 3, 4, 9, 14,
];

const state = new Uint32Array(16);

function mix(a, b, c, d, x, y) {
  let va = (state[a] + state[b] + x) | 0;
  let vd = state[d] ^ va;
  vd = (vd >>> 16) | (vd << 16);
  let vc = (state[c] + vd) | 0;
  let vb = state[b] ^ vc;
  vb = (vb >>> 12) | (vb << 20);
  va = (va + vb + y) | 0;
  vd ^= va;
  vd = (vd >>> 8) | (vd << 24);
  vc = (vc + vd) | 0;
  vb ^= vc;
  state[a] = va;
  state[b] = (vb >>> 7) | (vb << 25);
  state[c] = vc;
  state[d] = vd;
}

/** Leaves all 16 words of the compression in `state`. */
function compress(cv, words, counter, length, flags) {
  state.set(cv);
  state.set(IV.subarray(0, 4), 8);
  state[12] = counter;
  state[13] = counter / 2 ** 32;
  state[14] = length;
  state[15] = flags;
  for (let i = 0; i < SCHEDULE.length; i += 2) {
    const at = (2 * i) % MIXED.length;
    mix(MIXED[at], MIXED[at + 1], MIXED[at + 2], MIXED[at + 3], words[SCHEDULE[i]], words[SCHEDULE[i + 1]]);
  }
  for (let i = 0; i < 8; i++) {
    state[i] ^= state[i + 8];
    state[i + 8] ^= cv[i];
  }
}

function wordsOf(bytes, from, to) {
  const words = new Uint32Array(16);
  for (let i = from; i < to; i++) {
    words[(i - from) >> 2] |= bytes[i] << (8 * ((i - from) & 3));
  }
  return words;
}

/** A node of the tree whose last compression is still to be made: as the root's or as another's. */
class Node {
  constructor(cv, words, counter, length, flags) {
    Object.assign(this, { cv, words, counter, length, flags });
  }

  chainingValue() {
    compress(this.cv, this.words, this.counter, this.length, this.flags);
    return state.slice(0, 8);
  }

  root(length) {
    const out = new Uint8Array(length);
    for (let at = 0; at < length; at += BLOCK_BYTES) {
      compress(this.cv, this.words, at / BLOCK_BYTES, this.length, this.flags | ROOT);
      for (let i = at; i < Math.min(length, at + BLOCK_BYTES); i++) {
        out[i] = state[(i - at) >> 2] >>> (8 * (i & 3));
      }
    }
    return out;
  }
}

function chunk(key, flags, bytes, from, to, counter) {
  let cv = key;
  let start = CHUNK_START;
  for (; to - from > BLOCK_BYTES; from += BLOCK_BYTES) {
    compress(cv, wordsOf(bytes, from, from + BLOCK_BYTES), counter, BLOCK_BYTES, flags | start);
    cv = state.slice(0, 8);
    start = 0;
  }
  return new Node(cv, wordsOf(bytes, from, to), counter, to - from, flags | start | CHUNK_END);
}

/** The node over bytes `from` to `to`: its left subtree is the largest complete one that leaves bytes to the right. */
function node(key, flags, bytes, from, to) {
  if (to - from <= CHUNK_BYTES) {
    return chunk(key, flags, bytes, from, to, from / CHUNK_BYTES);
  }
  let left = CHUNK_BYTES;
  while (2 * left < to - from) {
    left *= 2;
  }
  const words = new Uint32Array(16);
  words.set(node(key, flags, bytes, from, from + left).chainingValue());
  words.set(node(key, flags, bytes, from + left, to).chainingValue(), 8);
  return new Node(key, words, 0, BLOCK_BYTES, flags | PARENT);
}

/** The plain hash of a message: `length` bytes of output. */
export function hash(message, length = 32) {
  return node(IV, 0, message, 0, message.length).root(length);
}

/** The hash of a message under a key of 32 bytes. */
export function keyedHash(key, message, length = 32) {
  return node(wordsOf(key, 0, 32).slice(0, 8), KEYED_HASH, message, 0, message.length).root(length);
}

/** What a key of this context is derived from `message`: a hash in a domain of its own. */
export function deriveKey(context, message, length = 32) {
  const name = new TextEncoder().encode(context);
  const key = wordsOf(node(IV, DERIVE_KEY_CONTEXT, name, 0, name.length).root(32), 0, 32).slice(0, 8);
  return node(key, DERIVE_KEY_MATERIAL, message, 0, message.length).root(length);
}
