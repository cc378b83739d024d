/**
 * The inference node: it computes against escrows, keeps what it owes until the settlement has ended, and opens its
 * trace to auditors. Imports {@code network}. Entry: {@link io.plumbline.node.inference.InferenceNode}.
 */
package io.plumbline.node.inference;
