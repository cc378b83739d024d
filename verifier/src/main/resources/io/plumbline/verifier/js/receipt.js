import { answerFrom, isCancelledBy, MAX_BYTES as MAX_ANSWER_BYTES } from './answer.js';
import { hash } from './blake3.js';
import { equal, hex, toBytes, toFixed } from './bytes.js';
import { holds, PUBLIC_BYTES, SIGNATURE_BYTES } from './ed25519.js';
import { VerificationError } from './errors.js';
import { Reader } from './reader.js';
import { requestFrom } from './request.js';

export const RECEIPT_BYTES = 256;

/** "PRC1", little-endian. */
const MAGIC = 0x31435250;

/** Contract versions: exact inference's, and that of tensor models' answers, which are held to bounds. */
const EXACT = [1, 2];
const TOLERANT = 1 << 16;

/** "PTQ1" and, with facts, "PTQ2", little-endian: a tensor model's request, of which the model's id is read here. */
const TENSOR_REQUESTS = [0x31515450, 0x32515450];
const MAX_TENSOR_BYTES = 64 << 20;

/** The receipt's fields. Nothing is checked but its form. */
export function receiptFrom(given, what = 'receipt') {
  const bytes = toBytes(given, what, RECEIPT_BYTES);
  const reader = new Reader(bytes, what);
  if (reader.int('magic') !== MAGIC) {
    reader.refuse('it does not begin with PRC1');
  }
  const receipt = {
    contractVersion: reader.int('contract version'),
    modelId: reader.fixed(32, 'model id'),
    requestHash: reader.fixed(32, 'request hash'),
    outputHash: reader.fixed(32, 'output hash'),
    traceRoot: reader.fixed(32, 'trace root'),
    traceBytes: reader.long('trace bytes'),
    promptTokens: reader.int('prompt tokens'),
    outputTokens: reader.int('output tokens'),
    price: reader.long('price'),
    node: reader.fixed(PUBLIC_BYTES, 'node key'),
    signature: reader.fixed(SIGNATURE_BYTES, 'signature'),
  };
  reader.end();
  return { ...receipt, hash: hash(bytes), bytes };
}

/**
 * Checks a receipt, and that it is for what the caller has at hand; what is left out is not checked.
 *
 * @param {Uint8Array|ArrayBuffer|string} given the receipt: 256 bytes, or their hexadecimal
 * @param {object} known what the caller knows, in bytes or hexadecimal: `request` and `answer` (encoded),
 *     `requestHash`, `modelId` and `node` (32 bytes each)
 * @returns {Promise<object>} the receipt's fields and hash; with `request` and `answer` decoded where they were given
 *     and a language model's, else null; `isTensors`, whether it is a tensor model's. Numbers of 64 bits are BigInts,
 *     hashes and keys Uint8Arrays
 * @throws {VerificationError} with the name of what does not hold
 */
export async function verifyReceipt(given, known = {}) {
  const receipt = receiptFrom(given);
  const asked = requestBytes(known.request);
  const isTensors = isOfTensors(receipt, asked);
  const request = asked && !isTensors ? requestFrom(asked.bytes) : null;
  const answerBytes = known.answer === undefined ? null : toBytes(known.answer, 'answer', MAX_ANSWER_BYTES);
  const answer = answerBytes && !isTensors ? answerFrom(answerBytes) : null;
  const expected = (name, what) => (known[name] === undefined ? null : toFixed(known[name], what, 32));
  const node = expected('node', 'expected node key');
  const modelId = expected('modelId', 'expected model id');
  const requestHash = expected('requestHash', 'expected request hash');

  const signed = receipt.bytes.subarray(0, RECEIPT_BYTES - SIGNATURE_BYTES);
  mustHold(await holds(receipt.node, signed, receipt.signature), 'SIGNATURE', () =>
    `the receipt was not signed by the node that it names, ${hex(receipt.node)}`);
  mustHold(!node || equal(receipt.node, node), 'NODE', () => `the receipt is of node ${hex(receipt.node)}`);
  requireContract(receipt.contractVersion, asked && isTensors, request);
  for (const id of [modelId, request?.modelId, asked?.tensorModelId]) {
    mustHold(!id || equal(receipt.modelId, id), 'MODEL', () => `the receipt names model ${hex(receipt.modelId)}`);
  }
  const hashes = [requestHash, request ? request.hash : asked && hash(asked.bytes)];
  for (const wanted of hashes) {
    mustHold(!wanted || equal(receipt.requestHash, wanted), 'REQUEST', () =>
      `the receipt is for request ${hex(receipt.requestHash)}, not ${hex(wanted)}`);
  }
  mustHold(!request || request.promptTokens.length === receipt.promptTokens, 'REQUEST', () =>
    `the receipt counts ${receipt.promptTokens} prompt tokens, the request has ${request.promptTokens.length}`);
  requireOutput(receipt, answer, answerBytes);
  await requireStop(request, answer);
  return { ...receipt, request, answer, isTensors };
}

/**
 * Whether a receipt is held to be a tensor model's, whose request and answer are not decoded: by the request where it
 * is known, else by the contract. For what could not be verified, too.
 */
export function isTensorReceipt(given, known = {}) {
  return isOfTensors(receiptFrom(given), requestBytes(known.request));
}

function isOfTensors(receipt, asked) {
  return asked ? asked.tensorModelId !== null : receipt.contractVersion === TOLERANT;
}

function mustHold(isTrue, failure, reason) {
  if (!isTrue) {
    throw new VerificationError(failure, `The receipt is not accepted: ${reason()}.`);
  }
}

/** A request's bytes, and its model's id where that is a tensor model, which decides how many there may be. */
function requestBytes(given) {
  if (given === undefined) {
    return null;
  }
  const bytes = toBytes(given, 'request', MAX_TENSOR_BYTES);
  const reader = new Reader(bytes, 'request');
  const isTensors = bytes.length >= 4 && TENSOR_REQUESTS.includes(reader.int('magic'));
  return { bytes, tensorModelId: isTensors ? reader.fixed(32, 'model id') : null };
}

function requireContract(version, isTensors, request) {
  const allowed = [...(isTensors ? [] : EXACT), ...(request ? [] : [TOLERANT])];
  mustHold(allowed.includes(version), 'MODEL', () => `contract version ${version} is not ${allowed.join(' or ')}`);
}

function requireOutput(receipt, answer, answerBytes) {
  if (answerBytes) {
    const found = answer ? answer.hash : hash(answerBytes);
    mustHold(equal(receipt.outputHash, found), 'OUTPUT', () =>
      `the receipt is for output ${hex(receipt.outputHash)}, not ${hex(found)}`);
  }
  mustHold(!answer || answer.tokens.length === receipt.outputTokens, 'OUTPUT', () =>
    `the receipt counts ${receipt.outputTokens} output tokens, the answer has ${answer.tokens.length}`);
}

/** The stop rule as far as tokens show it: neither the model's context nor its tokenizer is here. */
async function requireStop(request, answer) {
  if (!request || !answer) {
    return;
  }
  const count = answer.tokens.length;
  mustHold(count > 0, 'STOP', () => 'the answer is empty');
  const stops = new Set(request.stopTokens);
  const stop = answer.tokens.subarray(0, -1).find((token) => stops.has(token));
  mustHold(stop === undefined, 'STOP', () => `the answer goes on after stop token ${stop}`);
  mustHold(count <= request.maxTokens, 'STOP', () => `the answer has ${count} tokens of ${request.maxTokens}`);
  const cancellation = answer.cancellation;
  const isCancelled =
    !cancellation || (count >= cancellation.delivered && (await isCancelledBy(request, cancellation)));
  mustHold(isCancelled, 'STOP', () => `the requester did not cancel the answer after ${count} tokens`);
}
