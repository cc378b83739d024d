/** Requests, answers, receipts and keys. */
package io.plumbline.verifier.receipt;
