/** Canonical bytes: one encoding for each value, bounded when read, and 32 bytes as a value. */
package io.plumbline.verifier.encoding;
