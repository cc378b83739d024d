import { VerificationError } from './errors.js';

/**
 * Reads the canonical encoding: little-endian numbers, byte strings with a 32-bit length. A length is believed only
 * as far as bytes are there, so no input makes it allocate more than its own size.
 */
export class Reader {
  /**
   * @param {Uint8Array} bytes
   * @param {string} what the structure, for messages
   * @param {string} failure the name under which a refusal goes
   */
  constructor(bytes, what, failure = 'MALFORMED') {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.what = what;
    this.failure = failure;
    this.position = 0;
  }

  /** Refuses the structure for a reason that begins in lower case and ends without a full stop. */
  refuse(reason) {
    throw new VerificationError(this.failure, `Malformed ${this.what}: ${reason}.`);
  }

  take(length, field) {
    const left = this.bytes.length - this.position;
    if (length < 0 || length > left) {
      this.refuse(`${field} needs ${length} bytes at offset ${this.position}, ${left} are left`);
    }
    const at = this.position;
    this.position += length;
    return at;
  }

  /** A signed 32-bit number. */
  int(field) {
    return this.view.getInt32(this.take(4, field), true);
  }

  /** A signed 32-bit number from `least` to `most`. */
  intWithin(field, least, most) {
    const value = this.int(field);
    if (value < least || value > most) {
      this.refuse(`${field} is ${value}, not ${least} to ${most}`);
    }
    return value;
  }

  /** A signed 64-bit number, as a BigInt. */
  long(field) {
    return this.view.getBigInt64(this.take(8, field), true);
  }

  float(field) {
    return this.view.getFloat32(this.take(4, field), true);
  }

  fixed(length, field) {
    const at = this.take(length, field);
    return this.bytes.slice(at, at + length);
  }

  variable(field) {
    return this.fixed(this.int(field), field);
  }

  text(field) {
    const bytes = this.variable(field);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return this.refuse(`${field} is not UTF-8`);
    }
  }

  /** Signed 32-bit numbers with their count before them. */
  ints(field) {
    const count = this.int(field);
    const at = this.take(4 * count, field);
    return Int32Array.from({ length: count }, (_, i) => this.view.getInt32(at + 4 * i, true));
  }

  /** Must be called last: nothing may follow. */
  end() {
    const left = this.bytes.length - this.position;
    if (left > 0) {
      this.refuse(`${left} bytes follow its end at ${this.position}`);
    }
  }
}
