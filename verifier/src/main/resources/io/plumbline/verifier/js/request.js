import { hash } from './blake3.js';
import { toBytes } from './bytes.js';
import { PUBLIC_BYTES } from './ed25519.js';
import { Reader } from './reader.js';

/** "PRQ3", little-endian. */
export const MAGIC = 0x33515250;

const MAX_BYTES = 8 << 20;
const FIXED_BYTES = 256;
const MAX_TEMPERATURE = 100;
const ALL_MILLIONTHS = 1_000_000;
const MAX_STOP_TEXTS = 16;
const MAX_STOP_CHARACTERS = 256;
const MAX_INT = 0x7fffffff;

/**
 * A language model's request. The one place that knows its encoding.
 *
 * @param {Uint8Array|ArrayBuffer|string} given bytes or hexadecimal
 * @returns {object} its fields and its hash; numbers of 64 bits are BigInts
 */
export function requestFrom(given) {
  const bytes = toBytes(given, 'request', MAX_BYTES);
  const reader = new Reader(bytes, 'request');
  if (reader.int('magic') !== MAGIC) {
    reader.refuse('it does not begin with PRQ3');
  }
  const request = {
    modelId: reader.fixed(32, 'model id'),
    messages: reader.text('messages'),
    time: reader.long('time'),
    promptTokens: reader.ints('prompt tokens'),
    temperature: reader.float('temperature'),
    topK: reader.int('top k'),
    topPMillionths: reader.int('top p'),
    seed: reader.long('seed'),
    maxTokens: reader.int('max tokens'),
    stopTokens: reader.ints('stop tokens'),
    stopTexts: stopTexts(reader),
    requester: reader.fixed(PUBLIC_BYTES, 'requester'),
    nonce: reader.fixed(16, 'nonce'),
  };
  reader.end();
  requireBounds(reader, request);
  return { ...request, hash: hash(bytes) };
}

function stopTexts(reader) {
  const count = reader.intWithin('stop texts', 0, MAX_STOP_TEXTS);
  return Array.from({ length: count }, () => reader.text('stop text'));
}

function requireBounds(reader, request) {
  const within = (field, value, least, most) => {
    if (!(value >= least && value <= most)) {
      reader.refuse(`${field} is ${value}, not ${least} to ${most}`);
    }
  };
  within('temperature', request.temperature, 0, MAX_TEMPERATURE);
  within('top k', request.topK, 0, MAX_INT);
  within('top p', request.topPMillionths, 1, ALL_MILLIONTHS);
  within('max tokens', request.maxTokens, 1, MAX_INT);
  within('the number of prompt tokens', request.promptTokens.length, 1, MAX_INT);
  for (const text of request.stopTexts) {
    within("a stop text's length", text.length, 1, MAX_STOP_CHARACTERS);
  }
  const utf8 = new TextEncoder();
  const tokens = request.promptTokens.length + request.stopTokens.length;
  const counted = request.stopTexts.reduce(
    (sum, text) => sum + 4 + utf8.encode(text).length,
    FIXED_BYTES + utf8.encode(request.messages).length + 4 * tokens,
  );
  within('its size as limits count it', counted, 0, MAX_BYTES);
}
