import { VerificationError } from './errors.js';

/** @returns {string} lower-case hexadecimal */
export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function equal(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export function concat(...parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * A copy of the bytes that a caller gave. Their number is bounded before anything is decoded or copied.
 *
 * @param {Uint8Array|ArrayBuffer|string} given bytes, or hexadecimal in either case
 * @param {string} what the structure, for messages: "receipt", "request"
 * @param {number} most bytes that such a structure may have
 * @param {string} failure the name under which a refusal goes
 */
export function toBytes(given, what, most, failure = 'MALFORMED') {
  const isText = typeof given === 'string';
  if (!isText && !(given instanceof Uint8Array) && !(given instanceof ArrayBuffer)) {
    throw new VerificationError(failure, `Malformed ${what}: it is neither bytes nor hexadecimal.`);
  }
  const length = isText ? given.length / 2 : given.byteLength;
  if (length > most) {
    throw new VerificationError(failure, `Malformed ${what}: it has ${length} bytes, and at most ${most} are read.`);
  }
  if (!isText) {
    // A copy: the caller may change its own meanwhile, and a Node.js Buffer's slice() is none.
    return new Uint8Array(given instanceof Uint8Array ? given : new Uint8Array(given));
  }
  if (given.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(given)) {
    throw new VerificationError(failure, `Malformed ${what}: it is not hexadecimal.`);
  }
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    bytes[i] = parseInt(given.substring(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}

/** Bytes of one fixed length, given by a caller. */
export function toFixed(given, what, length, failure = 'MALFORMED') {
  const bytes = toBytes(given, what, length, failure);
  if (bytes.length !== length) {
    throw new VerificationError(failure, `Malformed ${what}: it has ${bytes.length} bytes, not ${length}.`);
  }
  return bytes;
}
