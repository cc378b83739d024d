package io.plumbline.benchmarks.jmh;

import io.plumbline.ledger.tree.StateTree;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.lightclient.StateProof;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** The ledger's state tree: entries of a block changed with the new root, and an entry proven. */
public class StateTreeSuite extends Suite {
    private static final int CHANGED = 1_000;

    @Param({"10000", "1000000"})
    private int entries;

    private StateTree tree;
    private final Map<byte[], byte[]> changes = new HashMap<>();
    private byte[] key;
    private StateProof proof;
    private byte[] value;
    private byte[] root;

    /** A tree of entries of 40 bytes. */
    @Setup
    public void prepare() {
        Map<byte[], byte[]> all = new HashMap<>();
        for (int i = 0; i < entries; i++) {
            all.put(key(i), bytes(40, i));
        }
        tree = StateTree.empty().putAll(all);
        root = tree.root();
        for (int i = 0; i < CHANGED; i++) {
            changes.put(key((int) ((long) i * entries / CHANGED)), bytes(40, -i));
        }
        key = key(entries / 3);
        value = tree.get(key);
        proof = tree.prove(key);
    }

    private static byte[] key(int number) {
        return Blake3.hash(ByteBuffer.allocate(4).putInt(number).array());
    }

    /** Per entry: those of a block go in together, and share the way to the root. */
    @Benchmark
    @OperationsPerInvocation(CHANGED)
    public byte[] change() {
        return tree.putAll(changes).root();
    }

    @Benchmark
    public StateProof prove() {
        return tree.prove(key);
    }

    @Benchmark
    public boolean check() {
        return proof.shows(root, key, value);
    }
}
