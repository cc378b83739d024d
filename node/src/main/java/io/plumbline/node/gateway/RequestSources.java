package io.plumbline.node.gateway;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.TrustedLedger;
import java.io.IOException;

/** Where a server finds the facts and files that requests name. */
public interface RequestSources {
    /** By which facts are proven; null where none is known. */
    TrustedLedger ledger();

    /**
     * A feed's latest value with what proves it: an encoded {@link io.plumbline.verifier.lightclient.CertifiedEntry},
     * not yet checked.
     *
     * @throws ApiException where there is no such feed.
     */
    byte[] fact(Bytes32 feed) throws IOException;

    /**
     * A blob's bytes, which have its hash.
     *
     * @param most bytes that it may have.
     * @throws ApiException where nobody has it, or it is longer.
     */
    byte[] file(Bytes32 id, long most) throws IOException;
}
