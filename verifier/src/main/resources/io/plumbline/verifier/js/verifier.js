/**
 * Checks receipts and their settlement, as docs/receipt.md specifies them. Runs in browsers and in Node.js 20 or
 * later, and depends on nothing but WebCrypto's Ed25519.
 */
export { VerificationError } from './errors.js';
export { isTensorReceipt, verifyReceipt } from './receipt.js';
export { verifyProof } from './proof.js';
export { requestFrom } from './request.js';
export { answerFrom } from './answer.js';
