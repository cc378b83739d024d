import assert from 'node:assert';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import {
  answerFrom, requestFrom, verifyProof, verifyReceipt,
} from '../../main/resources/io/plumbline/verifier/js/verifier.js';

const folder = new URL('../../../../docs/receipt-vectors/', import.meta.url);
const cases = (file) => JSON.parse(readFileSync(new URL(file, folder))).cases;
const [receipt] = cases('receipts.json');
const [proof] = cases('proofs.json');

const refused = (failure, message) => (error) => {
  assert.equal(error.failure, failure, error.stack);
  assert.match(error.message, message);
  return true;
};

/** Bytes of a length at which reading a single one would fail the test. */
function unread(length) {
  const bytes = new Uint8Array(0);
  return new Proxy(bytes, {
    get: (target, name) => {
      if (name === 'byteLength' || name === 'length') {
        return length;
      }
      throw new Error(`${String(name)} was read`);
    },
  });
}

test('what is too long is refused before a byte of it is read', async () => {
  await assert.rejects(verifyReceipt(unread(257)), refused('MALFORMED', /has 257 bytes, and at most 256 are read/));
  await assert.rejects(verifyReceipt('0'.repeat(513)), refused('MALFORMED', /at most 256/));
  assert.throws(() => requestFrom(unread((8 << 20) + 1)), refused('MALFORMED', /at most 8388608/));
  assert.throws(() => answerFrom(unread((64 << 20) + 1)), refused('MALFORMED', /at most 67108864/));
  await assert.rejects(
    verifyProof(unread((1 << 20) + 1), proof.network), refused('MALFORMED', /at most 1048576/));
  await assert.rejects(verifyProof(proof.proof, ' '.repeat((16 << 20) + 1)), refused('NETWORK', /longer than/));
});

test('a request whose texts and tokens have more than 8 MiB is refused as the Java verifier refuses it', () => {
  const good = cases('requests.json')[0];
  const text = Buffer.from(good.expect.accepted.messages);
  const bytes = Buffer.from(good.request, 'hex');
  const at = bytes.indexOf(text);
  const longer = (length) => {
    const all = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(length, 0x20), bytes.subarray(at + text.length)]);
    all.writeInt32LE(length, at - 4);
    return all;
  };
  const tokens = good.expect.accepted.promptTokens.length + good.expect.accepted.stopTokens.length;
  const most = (8 << 20) - 256 - 4 * tokens;
  assert.equal(requestFrom(longer(most)).messages.length, most);
  assert.throws(() => requestFrom(longer(most + 1)), refused('MALFORMED', /as limits count it is 8388609/));
});

test('what is neither bytes nor hexadecimal is refused', async () => {
  for (const given of [null, undefined, 7, {}, [1, 2], 'xy', '0', `${receipt.receipt.slice(0, -1)}g`]) {
    await assert.rejects(verifyReceipt(given), refused('MALFORMED', /hexadecimal|needs 4 bytes/));
  }
  await assert.rejects(verifyReceipt(receipt.receipt, { node: '00' }), refused('MALFORMED', /expected node key/));
});

test("a Buffer of Node.js is taken as it is and stays so, with a proof's receipt in it", async () => {
  const bytes = Buffer.from(proof.proof, 'hex');
  const settled = await verifyProof(bytes, proof.network);
  assert.equal(bytes.toString('hex'), proof.proof);
  assert.equal((await verifyReceipt(settled.receipt.bytes, settled)).price, 60n);
  const alone = Buffer.from(receipt.receipt, 'hex');
  assert.equal(Buffer.from((await verifyReceipt(alone)).node).toString('hex'), receipt.expect.accepted.node);
  assert.equal(alone.toString('hex'), receipt.receipt);
});

test('what the caller changes while signatures are checked changes nothing', async () => {
  const bytes = new Uint8Array(Buffer.from(receipt.receipt, 'hex'));
  const verified = verifyReceipt(bytes);
  bytes.fill(0);
  assert.equal((await verified).price, 60n);
});

test('bytes are taken as an Uint8Array, a part of one, an ArrayBuffer and hexadecimal of either case', async () => {
  const bytes = Buffer.from(receipt.receipt, 'hex');
  const within = new Uint8Array(bytes.length + 7);
  within.set(bytes, 5);
  const forms = [new Uint8Array(bytes), within.subarray(5, 5 + bytes.length), new Uint8Array(bytes).buffer,
    receipt.receipt.toUpperCase()];
  for (const form of forms) {
    assert.equal((await verifyReceipt(form)).price, 60n);
  }
});

test("a network's file is taken as bytes, text and object, and what is none is refused", async () => {
  const text = JSON.stringify(proof.network);
  for (const file of [proof.network, text, new TextEncoder().encode(text)]) {
    assert.equal((await verifyProof(proof.proof, file)).status, 'SETTLED');
  }
  for (const file of [null, undefined, 5, '', '{', '[]', {}, { genesis: 5 }, { genesis: 'xy' }, { genesis: '' }]) {
    await assert.rejects(verifyProof(proof.proof, file), refused('NETWORK', /^Malformed/));
  }
});

test('every single bit that is flipped in a proof or a receipt is noticed', async () => {
  for (const [good, verify] of [
    [receipt.receipt, (bytes) => verifyReceipt(bytes)],
    [proof.proof, (bytes) => verifyProof(bytes, proof.network)],
  ]) {
    const bytes = Buffer.from(good, 'hex');
    for (let at = 0; at < bytes.length; at++) {
      const changed = new Uint8Array(bytes);
      changed[at] ^= 1 << (at % 8);
      await assert.rejects(verify(changed), (error) => error.failure !== undefined, `byte ${at}`);
    }
  }
});

test('a platform without Ed25519 is named, and nothing is accepted or refused there', async () => {
  const subtle = Object.getOwnPropertyDescriptor(globalThis, 'crypto');
  const none = (value) => Object.defineProperty(globalThis, 'crypto', { value, configurable: true });
  try {
    none({});
    await assert.rejects(verifyReceipt(receipt.receipt), /^Error: WebCrypto is not here/);
    none({ subtle: { importKey: async () => { throw new DOMException('no', 'NotSupportedError'); } } });
    await assert.rejects(verifyReceipt(receipt.receipt), /^Error: WebCrypto has no Ed25519 here/);
  } finally {
    Object.defineProperty(globalThis, 'crypto', subtle);
  }
});
