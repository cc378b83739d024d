package io.plumbline.node.attack;

import io.plumbline.inference.TestModels;
import io.plumbline.node.attack.Scene.Shown;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import io.plumbline.verifier.trace.TraceLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Traces that were altered before they were committed to, each consistent in itself. */
final class TraceAttacks {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int TOKEN = 7;

    private final Scene scene;
    private final TraceLayout layout;
    private final List<Attack> attacks = new ArrayList<>();
    private String family;

    private TraceAttacks(Scene scene) {
        this.scene = scene;
        this.layout = scene.view().layout();
    }

    static List<Attack> of(Scene scene) {
        TraceAttacks all = new TraceAttacks(scene);
        all.header();
        all.records();
        all.splices();
        return all.attacks;
    }

    private void altered(String cheat, String caught, Consumer<MemorySegment> alter) {
        attacks.add(new Attack(family, cheat, caught, () -> scene.audit(scene.altered(alter))));
    }

    private void flip(String cheat, String caught, long offset) {
        altered(cheat, caught, trace -> {
            byte before = trace.get(ValueLayout.JAVA_BYTE, offset);
            trace.set(ValueLayout.JAVA_BYTE, offset, (byte) (before ^ 1));
        });
    }

    private void header() {
        family = "trace header";
        flip("another magic word", "HEADER", 0);
        flip("another contract version", "HEADER", 8);
        flip("another model id", "HEADER", 12);
        flip("another request hash", "HEADER", 44);
        flip("another token count", "HEADER", 76);
        flip("another layer count", "HEADER", 80);
        flip("another record size", "HEADER", 84);
        flip("another final record's size", "HEADER", 88);
        flip("something behind the header's last field", "HEADER", 1023);
    }

    private void records() {
        family = "trace record";
        long record = layout.offset(TOKEN, 1);
        long last = layout.offset(scene.prompt.length, scene.model.config().layers());
        int hidden = 4 * scene.model.config().hidden();
        flip("the first residual moved by one bit", "EMBEDDING", layout.offset(TOKEN, 0));
        flip("a residual between two layers moved by one bit", "RESIDUAL", record);
        flip(
                "the last residual moved by one bit",
                "RESIDUAL",
                layout.offset(TOKEN, scene.model.config().layers()));
        flip("a key element moved by one", "KV_ROWS", record + layout.kOffset());
        flip("a value element moved by one", "KV_ROWS", record + layout.vOffset(1));
        flip("a key scale moved by one bit", "KV_ROWS", record + layout.skOffset(1));
        flip("a value scale moved by one bit", "KV_ROWS", record + layout.svOffset(1));
        altered(
                "a key element beyond 12 bits",
                "KV_ROWS",
                trace -> trace.set(SHORT, record + layout.kOffset() + 4, (short) 2048));
        altered(
                "a value element of -128",
                "KV_ROWS",
                trace -> trace.set(ValueLayout.JAVA_BYTE, record + layout.vOffset(1) + 3, (byte) -128));
        altered("a negative key scale", "KV_ROWS", trace -> trace.set(FLOAT, record + layout.skOffset(1), -1f));
        altered(
                "a value scale that is not a number",
                "KV_ROWS",
                trace -> trace.set(FLOAT, record + layout.svOffset(1), Float.NaN));
        altered("an infinite residual", "RESIDUAL", trace -> trace.set(FLOAT, record, Float.POSITIVE_INFINITY));
        flip("a message hidden in a record's unused bytes", "PADDING", record + layout.recordEnd(1));
        flip("another token id", "TOKENS", last + hidden);
        flip("another token chosen", "TOKENS", last + hidden + 4);
        flip("the chosen token's logit moved by one bit", "SAMPLING", last + hidden + 8);
        flip("a message hidden in a final record's unused bytes", "PADDING", last + layout.finalEnd());
        long unchosen = layout.offset(1, layout.layers());
        flip("a message hidden in a prompt token's logit", "PADDING", unchosen + hidden + 8);
    }

    private void copy(MemorySegment trace, long from, long to, long bytes) {
        MemorySegment.copy(trace, from, trace, to, bytes);
    }

    private void splices() {
        family = "splice";
        altered("the records of two layers swapped", "RESIDUAL", trace -> {
            byte[] one = trace.asSlice(layout.offset(TOKEN, 1), layout.recordBytes(1))
                    .toArray(ValueLayout.JAVA_BYTE);
            copy(trace, layout.offset(TOKEN, 2), layout.offset(TOKEN, 1), layout.recordBytes(1));
            MemorySegment.copy(MemorySegment.ofArray(one), 0, trace, layout.offset(TOKEN, 2), layout.recordBytes(1));
        });
        altered(
                "a token's records in place of its neighbour's",
                "EMBEDDING",
                trace -> copy(trace, layout.offset(TOKEN + 1, 0), layout.offset(TOKEN, 0), layout.stepBytes()));
        altered(
                "keys and values of one token given to another",
                "KV_ROWS",
                trace -> copy(
                        trace,
                        layout.offset(TOKEN + 1, 1) + layout.kOffset(),
                        layout.offset(TOKEN, 1) + layout.kOffset(),
                        layout.kvBytes(1)));
        attacks.add(new Attack(family, "every token shifted by one", "EMBEDDING", () -> {
            int[] shifted = scene.prompt.clone();
            System.arraycopy(scene.prompt, 0, shifted, 1, shifted.length - 1);
            return scene.audit(instead(shifted));
        }));
        attacks.add(new Attack(family, "a stranger's prompt run in place of the client's", "EMBEDDING", () -> {
            int[] other = scene.prompt.clone();
            for (int i = 1; i < other.length; i++) {
                other[i] = 3 + (other[i] * 7 + i) % 200;
            }
            return scene.audit(instead(other));
        }));
        attacks.add(new Attack(family, "keys and values of another request's prefix kept", "KV_ROWS", () -> {
            int[] other = scene.prompt.clone();
            other[2] = other[2] == 9 ? 10 : 9;
            Request ran = TestModels.request(scene.model, other, Scene.MAX_TOKENS, Sampling.GREEDY);
            byte[][] prefix = new byte[8][];
            Shown stranger = scene.show(ran, ran, tokens(), TestModels.forward(scene.model), trace -> {
                for (int t = 0; t < prefix.length; t++) {
                    prefix[t] = trace.asSlice(layout.offset(t, 1) + layout.kOffset(), layout.kvBytes(1))
                            .toArray(ValueLayout.JAVA_BYTE);
                }
            });
            return stranger.answer() == null
                    ? ""
                    : scene.audit(scene.altered(trace -> {
                        for (int t = 0; t < prefix.length; t++) {
                            MemorySegment.copy(
                                    MemorySegment.ofArray(prefix[t]),
                                    0,
                                    trace,
                                    layout.offset(t, 1) + layout.kOffset(),
                                    layout.kvBytes(1));
                        }
                    }));
        }));
    }

    private int[] tokens() {
        return scene.honest.answer().tokens();
    }

    /** The node runs another prompt of the same length, and says it was the client's. */
    private Shown instead(int[] prompt) {
        Request ran = TestModels.request(scene.model, prompt, Scene.MAX_TOKENS, Sampling.GREEDY);
        return scene.show(scene.request, ran, tokens(), TestModels.forward(scene.model), trace -> {});
    }
}
