import { hex } from './bytes.js';

export const PUBLIC_BYTES = 32;
export const SIGNATURE_BYTES = 64;

/** The field's order, 2^255 - 19. */
const P = 2n ** 255n - 19n;

/** y of all points whose order divides 8: under such a key, where it is not refused, one signature fits any message. */
const SMALL_ORDER = new Set([
  0n,
  1n,
  P - 1n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd83d3d706a17c7n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
]);

/** Whether a key is in canonical form and of large order. Libraries differ in this, so it is decided here. */
function isSound(publicKey) {
  const y = BigInt(`0x${hex(publicKey.slice().reverse())}`) & (2n ** 255n - 1n);
  return y < P && !SMALL_ORDER.has(y);
}

/**
 * Whether the signature over the message was made with the secret of the public key (RFC 8032, 5.1.7).
 *
 * @throws {Error} where the platform has no Ed25519
 */
export async function holds(publicKey, message, signature) {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) {
    throw new Error('WebCrypto is not here: use Node.js 20 or later, or load the page over HTTPS or from localhost.');
  }
  if (!isSound(publicKey)) {
    return false;
  }
  let key;
  try {
    key = await subtle.importKey('raw', publicKey, { name: 'Ed25519' }, false, ['verify']);
  } catch (error) {
    if (error.name === 'NotSupportedError') {
      throw new Error('WebCrypto has no Ed25519 here: use Node.js 20, Chrome 137, Firefox 129, Safari 17 or later.');
    }
    return false; // No point of the curve.
  }
  return subtle.verify({ name: 'Ed25519' }, key, signature, message);
}
