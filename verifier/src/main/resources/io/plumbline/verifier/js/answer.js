import { hash } from './blake3.js';
import { concat, toBytes } from './bytes.js';
import { holds, SIGNATURE_BYTES } from './ed25519.js';
import { Reader } from './reader.js';

/** A session's longest message, in which node and gateway exchange answers. */
export const MAX_BYTES = 64 << 20;

const CANCELLATION = new TextEncoder().encode('plumbline 2026-11 cancellation');

/**
 * A language model's answer.
 *
 * @param {Uint8Array|ArrayBuffer|string} given bytes or hexadecimal
 * @returns {object} tokens, text, cancellation ({delivered, signature}, or null where the stop rule ended it) and hash
 */
export function answerFrom(given) {
  const bytes = toBytes(given, 'answer', MAX_BYTES);
  const reader = new Reader(bytes, 'answer');
  const tokens = reader.ints('tokens');
  const text = reader.text('text');
  const isCancelled = reader.intWithin('cancelled', 0, 1) === 1;
  const cancellation = isCancelled
    ? {
        delivered: reader.intWithin('delivered', 0, 0x7fffffff),
        signature: reader.fixed(SIGNATURE_BYTES, 'cancellation'),
      }
    : null;
  reader.end();
  return { tokens, text, cancellation, hash: hash(bytes) };
}

/** Whether the request's requester signed this cancellation for it. */
export function isCancelledBy(request, cancellation) {
  const numbers = new DataView(new ArrayBuffer(8));
  numbers.setInt32(0, CANCELLATION.length, true);
  numbers.setInt32(4, cancellation.delivered, true);
  const length = new Uint8Array(numbers.buffer, 0, 4);
  const delivered = new Uint8Array(numbers.buffer, 4, 4);
  return holds(request.requester, concat(length, CANCELLATION, request.hash, delivered), cancellation.signature);
}
