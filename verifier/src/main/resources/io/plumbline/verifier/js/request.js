import { hash } from './blake3.js';
import { toBytes } from './bytes.js';
import { PUBLIC_BYTES } from './ed25519.js';
import { Reader } from './reader.js';

/** "PRQ3", little-endian. */
const PLAIN_MAGIC = 0x33515250;

/** "PRQ4": with min_p, penalties, biases and a grammar. */
const MAGIC = 0x34515250;

const MAX_BYTES = 8 << 20;
const FIXED_BYTES = 256;
const MAX_TEMPERATURE = 100;
const MILLION = 1_000_000;
const MAX_PENALTY = 2 * MILLION;
const MIN_REPETITION = MILLION / 100;
const MAX_REPETITION = 100 * MILLION;
const MAX_BIAS = 100 * MILLION;
const MAX_BIASED = 1024;
const MAX_GRAMMAR_BYTES = 64 << 10;
const MAX_STOP_TEXTS = 16;
const MAX_STOP_CHARACTERS = 256;
const MAX_INT = 0x7fffffff;

/** The fields of a request that asks for none of it. Its form is then PRQ3. */
const PLAIN = {
  minPMillionths: 0,
  presenceMillionths: 0,
  frequencyMillionths: 0,
  repetitionMillionths: MILLION,
  biasedTokens: new Int32Array(0),
  biasMillionths: new Int32Array(0),
  grammar: '',
};

/**
 * A language model's request. The one place that knows its encoding. The grammar is a text: it is not parsed.
 *
 * @param {Uint8Array|ArrayBuffer|string} given bytes or hexadecimal
 * @returns {object} its fields and its hash; numbers of 64 bits are BigInts
 */
export function requestFrom(given) {
  const bytes = toBytes(given, 'request', MAX_BYTES);
  const reader = new Reader(bytes, 'request');
  const magic = reader.int('magic');
  if (magic !== PLAIN_MAGIC && magic !== MAGIC) {
    reader.refuse('it does not begin with PRQ3 or PRQ4');
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
    ...(magic === MAGIC ? adjustments(reader) : PLAIN),
    requester: reader.fixed(PUBLIC_BYTES, 'requester'),
    nonce: reader.fixed(16, 'nonce'),
  };
  reader.end();
  requireBounds(reader, request);
  if (magic === MAGIC && isPlain(request)) {
    reader.refuse('what PRQ3 can say is not said as PRQ4');
  }
  return { ...request, hash: hash(bytes) };
}

function stopTexts(reader) {
  const count = reader.intWithin('stop texts', 0, MAX_STOP_TEXTS);
  return Array.from({ length: count }, () => reader.text('stop text'));
}

function adjustments(reader) {
  return {
    minPMillionths: reader.int('min p'),
    presenceMillionths: reader.int('presence penalty'),
    frequencyMillionths: reader.int('frequency penalty'),
    repetitionMillionths: reader.int('repetition penalty'),
    biasedTokens: reader.ints('biased tokens'),
    biasMillionths: reader.ints('biases'),
    grammar: reader.text('grammar'),
  };
}

function isPlain(request) {
  return (
    request.minPMillionths === 0 &&
    request.presenceMillionths === 0 &&
    request.frequencyMillionths === 0 &&
    request.repetitionMillionths === MILLION &&
    request.biasedTokens.length === 0 &&
    request.grammar === ''
  );
}

function requireBounds(reader, request) {
  const within = (field, value, least, most) => {
    if (!(value >= least && value <= most)) {
      reader.refuse(`${field} is ${value}, not ${least} to ${most}`);
    }
  };
  within('temperature', request.temperature, 0, MAX_TEMPERATURE);
  within('top k', request.topK, 0, MAX_INT);
  within('top p', request.topPMillionths, 1, MILLION);
  within('max tokens', request.maxTokens, 1, MAX_INT);
  within('the number of prompt tokens', request.promptTokens.length, 1, MAX_INT);
  const { stopTokens } = request;
  stopTokens.forEach((token, i) => within('a stop token', token, i ? stopTokens[i - 1] + 1 : 0, MAX_INT));
  for (const text of request.stopTexts) {
    within("a stop text's length", text.length, 1, MAX_STOP_CHARACTERS);
  }
  within('min p', request.minPMillionths, 0, MILLION);
  within('presence penalty', request.presenceMillionths, -MAX_PENALTY, MAX_PENALTY);
  within('frequency penalty', request.frequencyMillionths, -MAX_PENALTY, MAX_PENALTY);
  within('repetition penalty', request.repetitionMillionths, MIN_REPETITION, MAX_REPETITION);
  const { biasedTokens, biasMillionths } = request;
  within('the number of biased tokens', biasedTokens.length, 0, MAX_BIASED);
  within('the number of biases', biasMillionths.length, biasedTokens.length, biasedTokens.length);
  biasedTokens.forEach((token, i) => within('a biased token', token, i ? biasedTokens[i - 1] + 1 : 0, MAX_INT));
  biasMillionths.forEach((bias) => within('a bias', bias, -MAX_BIAS, MAX_BIAS));
  const utf8 = new TextEncoder();
  const grammarBytes = utf8.encode(request.grammar).length;
  within("the grammar's bytes", grammarBytes, 0, MAX_GRAMMAR_BYTES);
  if (grammarBytes > 0 && request.stopTokens.length === 0) {
    reader.refuse('it has a grammar and no stop token, with which its answer would end');
  }
  const tokens = request.promptTokens.length + request.stopTokens.length;
  const counted = request.stopTexts.reduce(
    (sum, text) => sum + 4 + utf8.encode(text).length,
    FIXED_BYTES + utf8.encode(request.messages).length + 4 * tokens + 8 * biasedTokens.length + grammarBytes,
  );
  within('its size as limits count it', counted, 0, MAX_BYTES);
}
