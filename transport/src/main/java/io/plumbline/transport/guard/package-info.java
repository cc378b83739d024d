/**
 * What stands between strangers' datagrams and Aeron: address validation as QUIC and DTLS have it (RFC 9000 section
 * 8.1, RFC 6347 section 4.2.1), with a cookie in a set-up frame, before anything is mapped or kept for whoever sent
 * it.
 */
package io.plumbline.transport.guard;
