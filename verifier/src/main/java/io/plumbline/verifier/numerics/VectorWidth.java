package io.plumbline.verifier.numerics;

import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector width that every Vector API form is written for: the widest of this processor, at least 128 bits.
 *
 * <p>Below 128 bits ({@code -XX:MaxVectorSize=8}) the forms still compute the same bits, in 128-bit vectors that the
 * runtime emulates; {@link Simd#enabled()} is false there, so that no process chooses them.
 */
public final class VectorWidth {
    private static final VectorShape SHAPE = narrow() ? VectorShape.S_128_BIT : VectorShape.preferredShape();

    private VectorWidth() {}

    /** Whether this processor, as the virtual machine was told to use it, has no vectors of 128 bits. */
    static boolean narrow() {
        return VectorShape.preferredShape().vectorBitSize() < 128;
    }

    /** The species of full vectors of {@code type}. */
    public static <E> VectorSpecies<E> full(Class<E> type) {
        return VectorSpecies.of(type, SHAPE);
    }

    /**
     * The species of {@code type} with {@code 1/divisor} of a full vector's bits, but at least 64: there are none
     * below.
     */
    public static <E> VectorSpecies<E> part(Class<E> type, int divisor) {
        return VectorSpecies.of(type, VectorShape.forBitSize(Math.max(64, SHAPE.vectorBitSize() / divisor)));
    }
}
