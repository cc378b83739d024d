package io.plumbline.verifier.audit;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.plumbline.verifier.audit.LayerCheck.Opened;
import io.plumbline.verifier.freivalds.RingMath;
import io.plumbline.verifier.freivalds.SecretInts;
import io.plumbline.verifier.model.LayerSteps;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.platform.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.Objects;

/**
 * All heads of a token in one call, straight from the opening. Value dots are kept as three signed 16-bit digits
 * each.
 */
final class NativeAttentionCheck extends AttentionCheck {
    static final int DIGITS = 3;

    /** Bytes of a cache line, which is a vector. */
    private static final int LINE = 64;

    /** Bytes that vectors may read behind the last head's last key, where a window does not begin with a vector. */
    private static final int BEHIND = 2 * LINE;

    private static final MethodHandle HEADS =
            NativeLibrary.available(List.of("avx512")).isEmpty()
                    ? null
                    : NativeLibrary.function(
                            "pl_attention_avx512",
                            FunctionDescriptor.of(
                                    JAVA_INT,
                                    ADDRESS,
                                    JAVA_LONG,
                                    JAVA_LONG,
                                    JAVA_LONG,
                                    JAVA_INT,
                                    JAVA_INT,
                                    JAVA_INT,
                                    JAVA_INT,
                                    ADDRESS,
                                    ADDRESS,
                                    JAVA_FLOAT,
                                    ADDRESS,
                                    ADDRESS,
                                    JAVA_INT,
                                    ADDRESS,
                                    ADDRESS,
                                    ADDRESS,
                                    ADDRESS,
                                    ADDRESS,
                                    ADDRESS,
                                    ADDRESS));

    private static final MethodHandle EXTEND = HEADS == null
            ? null
            : NativeLibrary.function(
                    "pl_extend_avx512",
                    FunctionDescriptor.ofVoid(
                            ADDRESS, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS,
                            ADDRESS, ADDRESS));

    private static final MethodHandle FIRST_BAD_ROW = HEADS == null
            ? null
            : NativeLibrary.function(
                    "pl_first_bad_row_avx512",
                    FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT));

    /** Heads whose channels fill vectors of eight. */
    private static final int CHANNELS = 8;

    /** Off the heap, where whole vectors stand in one cache line each: [round][kvHead][digit][capacity]. */
    private final MemorySegment digits;

    private final MemorySegment secrets;

    /** [kvHead][capacity]. */
    private final MemorySegment keyScales;

    private final MemorySegment valueScales;
    private final MemorySegment z;
    private final Arena arena = Arena.ofConfined();
    private final float attentionScale;

    static boolean isThere() {
        return HEADS != null;
    }

    /** Whether it is made for the heads of a layer of such a model. */
    static boolean isFor(ModelConfig config, int layer) {
        return isThere()
                && config.headDim(layer) % CHANNELS == 0
                && config.architecture().scoreCap() == 0;
    }

    NativeAttentionCheck(
            ModelConfig config, int layer, LayerSteps steps, RingMath ring, SecretInts secrets, int tokens) {
        super(config, layer, steps, ring, secrets, tokens);
        this.digits = arena.allocate(2L * ROUNDS * kvHeads * DIGITS * capacity + BEHIND, LINE);
        this.secrets = arena.allocate(4L * r.length, LINE).copyFrom(MemorySegment.ofArray(r));
        this.keyScales = arena.allocate(4L * kvHeads * capacity, LINE);
        this.valueScales = arena.allocate(4L * kvHeads * capacity + BEHIND, LINE);
        this.z = arena.allocate(4L * capacity, LINE);
        this.attentionScale = config.attentionScale(layer);
    }

    static int firstBadRowInC(Opened o, int width, int from, int to) {
        Objects.checkFromToIndex(from, to, o.capacity);
        try {
            return (int)
                    FIRST_BAD_ROW.invokeExact(MemorySegment.ofArray(o.k), MemorySegment.ofArray(o.v), from, to, width);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    @Override
    void extend(Opened o, int from, int to) {
        if (from == to) {
            return;
        }
        Objects.checkFromToIndex(from, to, Math.min(capacity, o.capacity));
        for (int g = 0; g < kvHeads; g++) {
            long own = 4L * (g * capacity + from);
            int opened = g * o.capacity + from;
            MemorySegment.copy(o.sk, opened, keyScales, JAVA_FLOAT, own, to - from);
            MemorySegment.copy(o.sv, opened, valueScales, JAVA_FLOAT, own, to - from);
        }
        try {
            EXTEND.invokeExact(
                    MemorySegment.ofArray(o.k),
                    MemorySegment.ofArray(o.v),
                    from,
                    to,
                    kvHeads,
                    size,
                    secrets,
                    capacity,
                    MemorySegment.ofArray(rValue),
                    MemorySegment.ofArray(keySum),
                    digits);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    @Override
    void heads(
            Opened o, int t, int first, long scoresAt, long highAt, long lowAt, short[] q, float[] sq, float[] joined)
            throws FailedException {
        int n = summed - first;
        long bytes = o.pieces.byteSize();
        Objects.checkFromIndexSize(scoresAt, 4L * n * config.heads(), bytes);
        Objects.checkFromIndexSize(highAt, 4L * queryDim, bytes);
        Objects.checkFromIndexSize(lowAt, 4L * queryDim, bytes);
        Objects.checkFromIndexSize(first, n, capacity);
        float[] sinks = o.parameters.sinks();
        Objects.checkFromIndexSize(0, config.heads(), sinks == null ? config.heads() : sinks.length);
        MemorySegment ofHeads = sinks == null ? MemorySegment.NULL : MemorySegment.ofArray(sinks);
        int code;
        try {
            code = (int) HEADS.invokeExact(
                    o.pieces,
                    scoresAt,
                    highAt,
                    lowAt,
                    n,
                    config.heads(),
                    kvHeads,
                    size,
                    MemorySegment.ofArray(q),
                    MemorySegment.ofArray(sq),
                    attentionScale,
                    MemorySegment.ofArray(keySum),
                    secrets.asSlice(4L * first),
                    capacity,
                    keyScales.asSlice(4L * first),
                    valueScales.asSlice(4L * first),
                    digits.asSlice(2L * first),
                    MemorySegment.ofArray(rValue),
                    ofHeads,
                    z,
                    MemorySegment.ofArray(joined));
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
        if (code >= 0) {
            switch (code % 4) {
                case 1 -> throw falseScores(o, t, code / 4);
                case 2 -> throw falseSums(o, t, code / 4);
                default -> throw new ArithmeticException("the scores of head " + code / 4 + " overflow");
            }
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
