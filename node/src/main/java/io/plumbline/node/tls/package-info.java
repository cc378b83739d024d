/**
 * The certificate by which an API is known to its clients, from files that are read again when they change. Imports
 * {@code network} and the verifier's checks of files; {@link io.plumbline.node.tls.CertificateFiles} is the entry.
 */
package io.plumbline.node.tls;
