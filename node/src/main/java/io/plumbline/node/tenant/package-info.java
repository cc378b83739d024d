/**
 * The tenants of an API: their keys, what each may ask of which models, and whose turn it is where more is asked than
 * is answered together. Knows HTTP's refusals, and neither models nor answers; imports {@code http} and the verifier's
 * hashes. {@link io.plumbline.node.tenant.Tenants} is the entry.
 */
package io.plumbline.node.tenant;
