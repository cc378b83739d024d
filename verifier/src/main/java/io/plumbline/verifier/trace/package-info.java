/** The trace: where each value of an answer's computation stands, and its records. */
package io.plumbline.verifier.trace;
