import assert from 'node:assert';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { files, wrongCases } from './vectors.mjs';

for (const file of files) {
  test(`every case of ${file} has the word that the vectors have for it`, async () => {
    const vectors = JSON.parse(readFileSync(new URL(`../../../../docs/receipt-vectors/${file}`, import.meta.url)));
    assert.ok(vectors.cases.length > 10);
    assert.deepEqual(await wrongCases(file, vectors), []);
  });
}
