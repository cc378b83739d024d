package io.plumbline.node.cli.doctor;

import io.aeron.driver.Configuration;
import io.plumbline.transport.Drivers;

/** A part that a host may play. */
enum Role {
    INFERENCE,
    FULL,
    DATA,
    GATEWAY;

    /** Bytes of a socket's buffer that sessions ask for: see {@link Drivers}. */
    static final int SOCKET_BYTES = Drivers.WINDOW_BYTES;

    /** Bytes of the longest datagram, with the headers around it. */
    static final int DATAGRAM_BYTES = Configuration.MTU_LENGTH_DEFAULT + 28;

    /** Whether it waits for its disk before it answers others. */
    boolean waitsForDisk() {
        return this == FULL || this == DATA;
    }
}
