import assert from 'node:assert';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { deriveKey, hash, keyedHash } from '../../main/resources/io/plumbline/verifier/js/blake3.js';

const vectors = JSON.parse(readFileSync(new URL('../resources/blake3/test_vectors.json', import.meta.url)));
const hex = (bytes) => Buffer.from(bytes).toString('hex');

test("BLAKE3's official vectors hold in all three modes at full output length", () => {
  assert.equal(vectors.cases.length, 35);
  for (const one of vectors.cases) {
    const input = Uint8Array.from({ length: one.input_len }, (_, i) => i % 251);
    const length = one.hash.length / 2;
    assert.equal(hex(hash(input, length)), one.hash);
    assert.equal(hex(keyedHash(new TextEncoder().encode(vectors.key), input, length)), one.keyed_hash);
    assert.equal(hex(deriveKey(vectors.context_string, input, length)), one.derive_key);
  }
});
