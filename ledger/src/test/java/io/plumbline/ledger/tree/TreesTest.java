package io.plumbline.ledger.tree;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.lightclient.LedgerHashes;
import io.plumbline.verifier.lightclient.RangeProof;
import io.plumbline.verifier.lightclient.StateProof;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Trees that prove, against checkers that share no code with them. */
class TreesTest {
    private static final long SEED = 20261121;

    /** Keys that share long beginnings, so that ways are long. */
    private static byte[] key(Random random) {
        byte[] key = new byte[32];
        random.nextBytes(key);
        if (random.nextBoolean()) {
            Arrays.fill(key, 0, 1 + random.nextInt(3), (byte) 0);
        }
        return key;
    }

    /** The definition, top down, over sorted entries. */
    private static byte[] definition(List<Map.Entry<String, byte[]>> entries, int depth) {
        if (entries.isEmpty()) {
            return LedgerHashes.EMPTY;
        }
        if (entries.size() == 1) {
            byte[] key = HexFormat.of().parseHex(entries.getFirst().getKey());
            return LedgerHashes.leaf(key, Blake3.hash(entries.getFirst().getValue()));
        }
        List<Map.Entry<String, byte[]>> left = new ArrayList<>();
        List<Map.Entry<String, byte[]>> right = new ArrayList<>();
        for (Map.Entry<String, byte[]> entry : entries) {
            int nibble = Character.digit(entry.getKey().charAt(depth / 4), 16);
            ((nibble >> 3 - depth % 4 & 1) == 1 ? right : left).add(entry);
        }
        return LedgerHashes.inner(definition(left, depth + 1), definition(right, depth + 1));
    }

    @Test
    void aStateTreeIsItsDefinitionWhateverOrderThingsHappenIn() {
        Random random = new Random(SEED);
        TreeMap<String, byte[]> entries = new TreeMap<>();
        StateTree tree = StateTree.empty();
        for (int step = 0; step < 1500; step++) {
            if (!entries.isEmpty() && random.nextInt(3) == 0) {
                String gone = new ArrayList<>(entries.keySet()).get(random.nextInt(entries.size()));
                entries.remove(gone);
                tree = tree.remove(HexFormat.of().parseHex(gone));
            } else {
                byte[] key = key(random);
                byte[] value = new byte[random.nextInt(100)];
                random.nextBytes(value);
                entries.put(HexFormat.of().formatHex(key), value);
                tree = tree.put(key, value);
            }
            if (step % 20 == 0) {
                // Many at once, some of them there already.
                Map<byte[], byte[]> many = new HashMap<>();
                for (int n = random.nextInt(30); n > 0; n--) {
                    byte[] key = key(random);
                    // Many of one length, as accounts have, and some of more than a chunk.
                    byte[] value = new byte[random.nextInt(4) > 0 ? 32 : random.nextInt(3000)];
                    random.nextBytes(value);
                    if (entries.put(HexFormat.of().formatHex(key), value) == null) {
                        many.put(key, value);
                    } else {
                        tree = tree.put(key, value);
                    }
                }
                String known = entries.isEmpty() ? null : entries.firstKey();
                if (known != null
                        && many.keySet().stream()
                                .noneMatch(key -> Blake3.hex(key).equals(known))) {
                    many.put(HexFormat.of().parseHex(known), entries.get(known));
                }
                tree = tree.putAll(many);
            }
            if (step % 50 == 0) {
                assertArrayEquals(definition(new ArrayList<>(entries.entrySet()), 0), tree.root(), "seed " + SEED);
            }
        }
        List<String> shuffled = new ArrayList<>(entries.keySet());
        Collections.shuffle(shuffled, random);
        StateTree again = StateTree.empty();
        for (String key : shuffled) {
            again = again.put(HexFormat.of().parseHex(key), entries.get(key));
        }
        assertArrayEquals(tree.root(), again.root());
        for (String key : shuffled) {
            again = again.remove(HexFormat.of().parseHex(key));
        }
        assertArrayEquals(LedgerHashes.EMPTY, again.root());
    }

    @Test
    void whatIsThereAndWhatIsNotAreProvenAndNothingElseIs() {
        Random random = new Random(SEED);
        StateTree tree = StateTree.empty();
        List<byte[]> keys = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            byte[] key = key(random);
            keys.add(key);
            tree = tree.put(key, new byte[] {(byte) i, 1});
        }
        byte[] root = tree.root();
        for (int i = 0; i < 300; i++) {
            byte[] key = keys.get(i);
            StateProof proof = StateProof.decode(tree.prove(key).encode());
            assertTrue(proof.shows(root, key, new byte[] {(byte) i, 1}));
            assertFalse(proof.shows(root, key, new byte[] {(byte) i, 2}));
            assertFalse(proof.showsAbsence(root, key));
            assertFalse(proof.shows(root, keys.get((i + 1) % 300), new byte[] {(byte) i, 1}));
            byte[] other = key(random);
            StateProof absence = StateProof.decode(tree.prove(other).encode());
            assertNull(tree.get(other));
            assertTrue(absence.showsAbsence(root, other));
            assertFalse(absence.shows(root, other, new byte[0]));
            // An absence proof of another key, or of a key that is there, is none.
            assertFalse(absence.showsAbsence(root, key));
            assertFalse(absence.showsAbsence(new byte[32], other));
            // Every flipped bit is seen.
            byte[] bytes = proof.encode();
            bytes[4 + random.nextInt(Math.max(1, bytes.length - 8))] ^= 1;
            assertFalse(isProof(bytes, root, key, new byte[] {(byte) i, 1}));
        }
        StateTree none = StateTree.empty();
        assertTrue(none.prove(keys.getFirst()).showsAbsence(none.root(), keys.getFirst()));
    }

    private static boolean isProof(byte[] bytes, byte[] root, byte[] key, byte[] value) {
        try {
            return StateProof.decode(bytes).shows(root, key, value);
        } catch (RuntimeException e) {
            return false;
        }
    }

    @Test
    void aPastTreeStaysWhatItWas() {
        byte[] key = new byte[32];
        StateTree before = StateTree.empty().put(key, new byte[] {1});
        byte[] root = before.root();
        StateTree after = before.put(key, new byte[] {2})
                .put(
                        new byte[] {
                            1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
                            26, 27, 28, 29, 30, 31, 32
                        },
                        new byte[] {3});
        assertArrayEquals(root, before.root());
        assertTrue(before.prove(key).shows(root, key, new byte[] {1}));
        assertArrayEquals(new byte[] {2}, after.get(key));
    }

    @Test
    void everyPlaceOfARangeOfAnyLengthIsProven() {
        MerkleMountainRange range = new MerkleMountainRange();
        List<byte[]> roots = new ArrayList<>();
        for (int length = 1; length <= 70; length++) {
            range.add(Blake3.hash(new byte[] {(byte) length}));
            byte[] root = range.root();
            roots.forEach(before -> assertFalse(Arrays.equals(before, root)));
            roots.add(root);
            for (int i = 0; i < length; i++) {
                RangeProof proof = RangeProof.decode(range.prove(i).encode());
                byte[] hash = Blake3.hash(new byte[] {(byte) (i + 1)});
                assertArrayEquals(hash, range.get(i));
                assertTrue(proof.shows(root, hash), i + " of " + length);
                assertFalse(proof.shows(root, Blake3.hash(new byte[] {99, 99})));
                RangeProof moved = new RangeProof((i + 1) % length, length, proof.path(), proof.peaks());
                assertEquals(length == 1, moved.shows(root, hash), i + " of " + length);
                assertFalse(new RangeProof(i, length + 1, proof.path(), proof.peaks()).shows(root, hash));
            }
        }
    }
}
