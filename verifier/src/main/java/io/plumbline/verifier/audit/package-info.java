/**
 * The audit of an exact answer: what is drawn, what an opening has, what is checked and in which order, and evidence.
 */
package io.plumbline.verifier.audit;
