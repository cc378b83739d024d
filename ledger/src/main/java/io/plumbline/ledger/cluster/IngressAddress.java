package io.plumbline.ledger.cluster;

import io.plumbline.verifier.encoding.Bytes32;

/**
 * Where a full node lets clients in.
 *
 * @param address "host:port".
 * @param key that it must show.
 */
public record IngressAddress(String address, Bytes32 key) {
    /** The part before the port. */
    public String host() {
        return address.substring(0, address.lastIndexOf(':'));
    }

    /** A UDP port. */
    public int port() {
        return Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
    }
}
