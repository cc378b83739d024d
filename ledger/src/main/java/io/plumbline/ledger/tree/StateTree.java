package io.plumbline.ledger.tree;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.lightclient.LedgerHashes;
import io.plumbline.verifier.lightclient.StateProof;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * The state as a compact sparse Merkle tree: an entry stands as high up as no other shares its way, so a tree of n
 * entries is about log2 n deep and has one shape whatever order they came in. Trees never change: an update makes a
 * new one that shares what is the same, so that proofs of a past state cost nothing to keep. Hashes are made when
 * they are asked for, see {@link UnhashedNodes}.
 */
public final class StateTree {
    private static final StateTree NONE = new StateTree(null);

    private final Node top;

    abstract static sealed class Node {
        /** Made once; a tree is read by one thread, or published safely after {@link StateTree#root}. */
        byte[] hash;
    }

    static final class Leaf extends Node {
        final byte[] key;
        final byte[] value;

        Leaf(byte[] key, byte[] value) {
            this.key = key;
            this.value = value;
        }
    }

    static final class Inner extends Node {
        final Node left;
        final Node right;

        Inner(Node left, Node right) {
            this.left = left;
            this.right = right;
        }

        Node child(boolean isRight) {
            return isRight ? right : left;
        }

        Inner with(boolean isRight, Node child) {
            return isRight ? new Inner(left, child) : new Inner(child, right);
        }
    }

    private StateTree(Node top) {
        this.top = top;
    }

    /** Without entries. */
    public static StateTree empty() {
        return NONE;
    }

    /** Of a node that has been hashed. */
    static byte[] hashOf(Node node) {
        return node == null ? LedgerHashes.EMPTY : node.hash;
    }

    private static boolean isRight(byte[] key, int depth) {
        return (key[depth >>> 3] >>> 7 - (depth & 7) & 1) == 1;
    }

    /** 32 bytes that stand for all entries. */
    public byte[] root() {
        hash();
        return hashOf(top).clone();
    }

    private void hash() {
        if (top != null && top.hash == null) {
            new UnhashedNodes(top).hash();
        }
    }

    /** @param key 32 bytes, as of {@link LedgerHashes#key}; {@code value} is kept as it is and must not change. */
    public StateTree put(byte[] key, byte[] value) {
        return new StateTree(put(top, new Leaf(key, value), 0));
    }

    private static Node put(Node node, Leaf leaf, int depth) {
        return switch (node) {
            case null -> leaf;
            case Leaf other -> Arrays.equals(other.key, leaf.key) ? leaf : split(other, leaf, depth);
            case Inner inner -> {
                boolean side = isRight(leaf.key, depth);
                yield inner.with(side, put(inner.child(side), leaf, depth + 1));
            }
        };
    }

    /**
     * With many entries, which costs less than one after the other: no node is made twice.
     *
     * @param entries by key, as of {@link LedgerHashes#key}; kept as they are.
     */
    public StateTree putAll(Map<byte[], byte[]> entries) {
        Leaf[] leaves = new Leaf[entries.size()];
        int count = 0;
        for (Map.Entry<byte[], byte[]> entry : entries.entrySet()) {
            leaves[count++] = new Leaf(entry.getKey(), entry.getValue());
        }
        Arrays.sort(leaves, (one, other) -> Arrays.compareUnsigned(one.key, other.key));
        return new StateTree(putAll(top, leaves, 0, count, 0));
    }

    /** @param sorted distinct leaves, of which those from {@code from} to {@code to} share the way down to here. */
    private static Node putAll(Node node, Leaf[] sorted, int from, int to, int depth) {
        if (to - from <= 1) {
            return from == to ? node : put(node, sorted[from], depth);
        }
        int middle = from;
        while (middle < to && !isRight(sorted[middle].key, depth)) {
            middle++;
        }
        Node left = null;
        Node right = null;
        switch (node) {
            case null -> {}
            case Inner inner -> {
                left = inner.left;
                right = inner.right;
            }
            case Leaf leaf -> {
                left = isRight(leaf.key, depth) ? null : leaf;
                right = isRight(leaf.key, depth) ? leaf : null;
            }
        }
        return new Inner(putAll(left, sorted, from, middle, depth + 1), putAll(right, sorted, middle, to, depth + 1));
    }

    private static Node split(Leaf one, Leaf other, int depth) {
        boolean side = isRight(one.key, depth);
        if (side != isRight(other.key, depth)) {
            return side ? new Inner(other, one) : new Inner(one, other);
        }
        Node deeper = split(one, other, depth + 1);
        return side ? new Inner(null, deeper) : new Inner(deeper, null);
    }

    /** Without the entry of this key; this very tree where there is none. */
    public StateTree remove(byte[] key) {
        Node without = remove(top, key, 0);
        return without == top ? this : new StateTree(without);
    }

    private static Node remove(Node node, byte[] key, int depth) {
        return switch (node) {
            case null -> null;
            case Leaf leaf -> Arrays.equals(leaf.key, key) ? null : leaf;
            case Inner inner -> {
                boolean side = isRight(key, depth);
                Node child = remove(inner.child(side), key, depth + 1);
                if (child == inner.child(side)) {
                    yield inner;
                }
                Node rest = inner.child(!side);
                // An entry that is alone now stands higher up.
                if (child == null && rest instanceof Leaf || rest == null && child instanceof Leaf) {
                    yield child == null ? rest : child;
                }
                yield inner.with(side, child);
            }
        };
    }

    /** The entry of this key, or null. */
    public byte[] get(byte[] key) {
        Node node = top;
        for (int depth = 0; node instanceof Inner inner; depth++) {
            node = inner.child(isRight(key, depth));
        }
        return node instanceof Leaf leaf && Arrays.equals(leaf.key, key) ? leaf.value : null;
    }

    /** That the entry of this key is what {@link #get} gives, or that there is none. */
    public StateProof prove(byte[] key) {
        hash();
        List<byte[]> siblings = new ArrayList<>();
        Node node = top;
        for (int depth = 0; node instanceof Inner inner; depth++) {
            boolean side = isRight(key, depth);
            siblings.add(hashOf(inner.child(!side)));
            node = inner.child(side);
        }
        boolean isAnother = node instanceof Leaf leaf && !Arrays.equals(leaf.key, key);
        return isAnother
                ? new StateProof(siblings, ((Leaf) node).key, Blake3.hash(((Leaf) node).value))
                : new StateProof(siblings, null, null);
    }
}
