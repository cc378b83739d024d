package io.plumbline.node.cli.role;

import io.plumbline.node.network.Network;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;

/** How a role is told what signs for it. */
interface KeyOption {
    /** @throws IOException where what is named cannot be used. */
    void require() throws IOException;

    /** Opens what signs, once. */
    KeyPair open(Network on) throws IOException;
}
