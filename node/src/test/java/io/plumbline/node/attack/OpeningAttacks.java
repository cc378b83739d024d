package io.plumbline.node.attack;

import io.plumbline.node.attack.Scene.Shown;
import io.plumbline.verifier.audit.Assignment;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.Opening;
import io.plumbline.verifier.audit.OpeningLayout;
import io.plumbline.verifier.audit.OpeningSource;
import io.plumbline.verifier.audit.Seal;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Openings that do not show what was committed to, signed as they are sent; and openings that are not signed as they
 * should be.
 */
final class OpeningAttacks {
    private static final int TOKEN = 9;

    private final Scene scene;
    private final Cell first;
    private final OpeningLayout layout;
    private final OpeningLayout.Token parts;
    private final long token;
    private final List<Attack> attacks = new ArrayList<>();
    private String family = "opening";

    private OpeningAttacks(Scene scene) {
        this.scene = scene;
        this.first = new Cell(0, 0, scene.view().length());
        this.layout = OpeningLayout.of(scene.view(), first);
        this.parts = layout.token(TOKEN);
        this.token = layout.offset(TOKEN);
    }

    static List<Attack> of(Scene scene) {
        OpeningAttacks all = new OpeningAttacks(scene);
        all.parts();
        all.sizes();
        all.swaps();
        all.seals();
        return all.attacks;
    }

    private void changed(String cheat, String caught, int layer, UnaryOperator<byte[]> change) {
        attacks.add(new Attack(family, cheat, caught, () -> scene.audit(scene.opened(scene.honest, layer, change))));
    }

    private static UnaryOperator<byte[]> flip(long offset) {
        return bytes -> {
            bytes[Math.toIntExact(offset)] ^= 4;
            return bytes;
        };
    }

    private void parts() {
        changed("a flipped bit in the proof's chaining values", "SLICE", 0, flip(100));
        changed("a flipped bit in an opened record", "SLICE", 0, flip(layout.embedding() - 2000));
        changed("a flipped bit in an embedding row", "SLICE", 0, flip(layout.proof() - 40));
        changed("a false query product", "QKV", 0, flip(token + 40));
        changed("a false value product", "QKV", 0, flip(token + parts.scores() - 4));
        changed("a false attention score", "SCORES", 0, flip(token + parts.scores() + 8));
        changed("a false upper half of an attention sum", "VALUES", 0, flip(token + parts.high() + 40));
        changed("a false lower half of an attention sum", "VALUES", 0, flip(token + parts.low() + 40));
        changed("the same attention sum in other halves", "VALUES", 0, bytes -> {
            ByteBuffer ints = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
            int high = Math.toIntExact(token + parts.high());
            int low = Math.toIntExact(token + parts.low());
            ints.putInt(high, ints.getInt(high) + 1);
            ints.putInt(low, ints.getInt(low) - 256);
            return bytes;
        });
        changed("a false output product", "OUT_PROJECTION", 0, flip(token + parts.out() + 40));
        changed("a false gate product", "GATE_UP", 0, flip(token + parts.gateUp() + 40));
        changed("a false up product", "GATE_UP", 0, flip(token + parts.down() - 4));
        changed("a false down product", "DOWN", 0, flip(token + parts.down() + 40));
        changed(
                "a false logit",
                "LOGITS",
                scene.model.config().layers(),
                bytes -> flip(bytes.length - 8).apply(bytes));
    }

    private void sizes() {
        changed("an opening one byte short", "OPENING", 0, bytes -> Arrays.copyOf(bytes, bytes.length - 1));
        changed("an opening one byte long", "OPENING", 0, bytes -> Arrays.copyOf(bytes, bytes.length + 1));
        changed("an empty opening", "OPENING", 1, bytes -> new byte[0]);
        changed(
                "choices one byte short",
                "OPENING",
                scene.model.config().layers(),
                bytes -> Arrays.copyOf(bytes, bytes.length - 1));
    }

    private void swaps() {
        changed("the products of two tokens swapped", "QKV", 0, bytes -> {
            int a = Math.toIntExact(token);
            int b = Math.toIntExact(layout.offset(TOKEN + 1));
            int size = Math.toIntExact(parts.scores());
            byte[] kept = Arrays.copyOfRange(bytes, a, a + size);
            System.arraycopy(bytes, b, bytes, a, size);
            System.arraycopy(kept, 0, bytes, b, size);
            return bytes;
        });
        changed("the scores of two heads swapped", "SCORES", 0, bytes -> {
            int a = Math.toIntExact(token + parts.scores());
            int size = 4 * (TOKEN + 1);
            byte[] kept = Arrays.copyOfRange(bytes, a, a + size);
            System.arraycopy(bytes, a + size, bytes, a, size);
            System.arraycopy(kept, 0, bytes, a + size, size);
            return bytes;
        });
        attacks.add(new Attack(family, "another layer's opening", "OPENING", () -> {
            Shown shown = scene.honest.with((OpeningSource) cell -> cell.layer() == 1
                    ? Opening.of(
                            MemorySegment.ofArray(Scene.bytes(scene.honest, new Cell(2, cell.from(), cell.to()))), null)
                    : scene.honest.source().open(cell));
            return scene.audit(shown);
        }));
        attacks.add(new Attack(family, "another answer's opening", "SLICE", () -> {
            Shown other = scene.altered(trace -> trace.set(ValueLayout.JAVA_BYTE, 2000, (byte) 1));
            return scene.audit(scene.honest.with(other.source()));
        }));
    }

    private void sealed(String cheat, OpeningSource source) {
        attacks.add(new Attack(
                "signature under openings",
                cheat,
                "cannot judge",
                () -> scene.audit(scene.honest, source, Assignment.of(Level.FULL))));
    }

    private void seals() {
        OpeningSource honest = scene.sealed(scene.honest);
        sealed("an opening signed by somebody else", scene.sealed(scene.honest, KeyPair.random()));
        sealed("the signature of another cell's opening", cell -> withSeal(honest, cell, new Cell(2, 0, cell.to())));
        sealed("a signature for another receipt", cell -> {
            Opening opening = honest.open(cell);
            MemorySegment all = opening.proof(opening.bytes());
            return Opening.of(all, Seal.of(new byte[32], OpeningLayout.of(scene.view(), cell), all, Scene.NODE));
        });
        sealed("a false product, and the signature of the right one", cell -> {
            Opening opening = honest.open(cell);
            byte[] bytes = opening.proof(opening.bytes()).toArray(ValueLayout.JAVA_BYTE);
            bytes[bytes.length - 30] ^= 1;
            return Opening.of(MemorySegment.ofArray(bytes), opening.seal());
        });
        sealed("silence", cell -> {
            throw new IOException("nothing came");
        });
        sealed("silence about one cell alone", cell -> {
            if (cell.layer() == 2) {
                throw new IOException("nothing came");
            }
            return honest.open(cell);
        });
    }

    private static Opening withSeal(OpeningSource honest, Cell cell, Cell other) throws IOException {
        Opening opening = honest.open(cell);
        return Opening.of(opening.proof(opening.bytes()), honest.open(other).seal());
    }
}
