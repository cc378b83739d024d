package io.plumbline.ledger.state;

import io.plumbline.ledger.tree.StateTree;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.LedgerHashes;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

/**
 * The state's entries on their way into its tree. What changes ten times between two blocks is encoded and hashed
 * once: the tree has one shape whatever order entries come in, so they may wait until it is asked for.
 */
final class Entries {
    private static final int PLACE_BYTES = 1 + Bytes32.BYTES;

    private record Place(Kind kind, Bytes32 id) {}

    private final Map<Place, Supplier<byte[]>> changed = new LinkedHashMap<>();
    private StateTree tree = StateTree.empty();

    /** @param value gives the entry's bytes, then or later alike. */
    void put(Kind kind, Bytes32 id, Supplier<byte[]> value) {
        changed.put(new Place(kind, id), value);
    }

    void remove(Kind kind, Bytes32 id) {
        changed.put(new Place(kind, id), () -> null);
    }

    /** With all that changed. */
    StateTree tree() {
        Map<byte[], byte[]> entries = new IdentityHashMap<>(changed.size());
        byte[] keys = keys();
        int at = 0;
        for (Map.Entry<Place, Supplier<byte[]>> entry : changed.entrySet()) {
            byte[] key = Arrays.copyOfRange(keys, at, at += Bytes32.BYTES);
            byte[] bytes = entry.getValue().get();
            if (bytes == null) {
                tree = tree.remove(key);
            } else {
                entries.put(key, bytes);
            }
        }
        tree = tree.putAll(entries);
        changed.clear();
        return tree;
    }

    /** 32 bytes for each that changed: the places of their entries in the tree. */
    private byte[] keys() {
        byte[] places = new byte[changed.size() * PLACE_BYTES];
        int at = 0;
        for (Place place : changed.keySet()) {
            places[at * PLACE_BYTES] = (byte) place.kind.ordinal();
            System.arraycopy(place.id.bytes(), 0, places, at++ * PLACE_BYTES + 1, Bytes32.BYTES);
        }
        return LedgerHashes.keys(places, at);
    }
}
