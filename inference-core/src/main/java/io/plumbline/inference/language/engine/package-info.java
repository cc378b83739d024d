/** Runs models exactly: batches of segments, pages of keys and values, the trace and its re-execution. */
package io.plumbline.inference.language.engine;
