package io.plumbline.benchmarks.jmh;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import java.security.GeneralSecurityException;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Setup;

/** Ed25519 over a message of a receipt's length, beside the JDK's; and a block's certificate of three of four. */
public class SignatureSuite extends Suite {
    private static final int FULL_NODES = 4;

    private final byte[] message = bytes(192, 1);
    private final KeyPair keys = new KeyPair(bytes(32, 2));
    private final byte[] signature = keys.sign(message);
    private final Bytes32 genesis = Bytes32.of(bytes(32, 3));
    private final BlockHeader header = new BlockHeader(7, bytes(32, 4), bytes(32, 5), 70, 1_700_000_000_000L);
    private final List<Bytes32> fullNodes = new ArrayList<>();
    private java.security.KeyPair jdkKeys;
    private byte[] jdkSignature;
    private Certificate certificate;

    /** Keys, and what they have signed. */
    @Setup
    public void prepare() throws GeneralSecurityException {
        jdkKeys = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
        jdkSignature = signByTheJdk();
        TreeMap<Integer, byte[]> signatures = new TreeMap<>();
        for (int i = 0; i < FULL_NODES; i++) {
            KeyPair fullNode = new KeyPair(bytes(32, 10 + i));
            fullNodes.add(fullNode.publicKey());
            if (i > 0) {
                signatures.put(i, fullNode.sign(Certificate.message(genesis, 0, header.number(), header.hash())));
            }
        }
        certificate = new Certificate(0, signatures);
        if (!certificate() || !verify() || !verifyByTheJdk()) {
            throw new IllegalStateException("A right signature does not hold.");
        }
    }

    @Benchmark
    public byte[] sign() {
        return keys.sign(message);
    }

    @Benchmark
    public boolean verify() {
        return KeyPair.verify(keys.publicKey(), message, signature);
    }

    @Benchmark
    public byte[] signByTheJdk() throws GeneralSecurityException {
        Signature signer = Signature.getInstance("Ed25519");
        signer.initSign(jdkKeys.getPrivate());
        signer.update(message);
        return signer.sign();
    }

    @Benchmark
    public boolean verifyByTheJdk() throws GeneralSecurityException {
        Signature verifier = Signature.getInstance("Ed25519");
        verifier.initVerify(jdkKeys.getPublic());
        verifier.update(message);
        return verifier.verify(jdkSignature);
    }

    @Benchmark
    public boolean certificate() {
        return certificate.holds(genesis, fullNodes, header);
    }
}
