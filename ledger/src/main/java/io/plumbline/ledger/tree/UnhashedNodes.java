package io.plumbline.ledger.tree;

import io.plumbline.ledger.tree.StateTree.Inner;
import io.plumbline.ledger.tree.StateTree.Leaf;
import io.plumbline.ledger.tree.StateTree.Node;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.lightclient.LedgerHashes;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The nodes of a state tree that have no hash yet, from the bottom up: what does not wait for each other is hashed
 * together, by all lanes of the processor's vectors. A block changes some hundreds of entries, a start makes a million.
 */
final class UnhashedNodes {
    private static final int HASH = Blake3.HASH_BYTES;

    /** Messages that are copied together and hashed at once. */
    private static final int BATCH = 256;

    /** Values that are longer have more than one chunk. */
    private static final int MOST_BYTES = 1024;

    /** By the length of their values. */
    private final Map<Integer, List<Leaf>> leaves = new HashMap<>();

    /** By how many steps are below that have no hash either, leaves aside. */
    private final List<List<Inner>> levels = new ArrayList<>();

    private final byte[] pairs = new byte[BATCH * 2 * HASH];

    UnhashedNodes(Node top) {
        gather(top);
    }

    /** Of an inner node the level that its parent stands above; 0 where nothing is to wait for. */
    private int gather(Node node) {
        if (node == null || node.hash != null) {
            return 0;
        }
        return switch (node) {
            case Leaf leaf -> {
                leaves.computeIfAbsent(leaf.value.length, any -> new ArrayList<>())
                        .add(leaf);
                yield 0;
            }
            case Inner inner -> {
                int level = Math.max(gather(inner.left), gather(inner.right));
                if (level == levels.size()) {
                    levels.add(new ArrayList<>());
                }
                levels.get(level).add(inner);
                yield level + 1;
            }
        };
    }

    void hash() {
        leaves.forEach((bytes, some) -> {
            for (int i = 0; i < some.size(); i += BATCH) {
                hashLeaves(some.subList(i, Math.min(some.size(), i + BATCH)), bytes);
            }
        });
        for (List<Inner> level : levels) {
            for (int i = 0; i < level.size(); i += BATCH) {
                hashInners(level.subList(i, Math.min(level.size(), i + BATCH)));
            }
        }
    }

    /** @param bytes that each value has. */
    private void hashLeaves(List<Leaf> some, int bytes) {
        byte[] values = valueHashes(some, bytes);
        for (int i = 0; i < some.size(); i++) {
            System.arraycopy(some.get(i).key, 0, pairs, 2 * HASH * i, HASH);
            System.arraycopy(values, HASH * i, pairs, 2 * HASH * i + HASH, HASH);
        }
        keep(some, LedgerHashes.leaves(pairs, some.size()));
    }

    private static byte[] valueHashes(List<Leaf> some, int bytes) {
        if (bytes <= MOST_BYTES) {
            byte[] values = new byte[some.size() * bytes];
            for (int i = 0; i < some.size(); i++) {
                System.arraycopy(some.get(i).value, 0, values, i * bytes, bytes);
            }
            return Blake3.hashEach(MemorySegment.ofArray(values), some.size(), bytes);
        }
        byte[] hashes = new byte[some.size() * HASH];
        for (int i = 0; i < some.size(); i++) {
            System.arraycopy(Blake3.hash(some.get(i).value), 0, hashes, i * HASH, HASH);
        }
        return hashes;
    }

    private void hashInners(List<Inner> some) {
        for (int i = 0; i < some.size(); i++) {
            System.arraycopy(StateTree.hashOf(some.get(i).left), 0, pairs, 2 * HASH * i, HASH);
            System.arraycopy(StateTree.hashOf(some.get(i).right), 0, pairs, 2 * HASH * i + HASH, HASH);
        }
        keep(some, LedgerHashes.inners(pairs, some.size()));
    }

    private static void keep(List<? extends Node> some, byte[] hashes) {
        for (int i = 0; i < some.size(); i++) {
            some.get(i).hash = Arrays.copyOfRange(hashes, HASH * i, HASH * (i + 1));
        }
    }
}
