/** The reason why something is not accepted. */
export class VerificationError extends Error {
  /**
   * @param {string} failure one of the names in docs/receipt.md: "MALFORMED", "SIGNATURE", ...
   * @param {string} message one sentence that says what does not hold, and where
   */
  constructor(failure, message) {
    super(message);
    this.name = 'VerificationError';
    this.failure = failure;
  }
}
