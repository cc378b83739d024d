package io.plumbline.verifier.encoding;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.plumbline.verifier.platform.NativeLibrary;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.List;

/** {@link PackedWords} in C, on the very arrays. */
record NativePackedWords(String name, MethodHandle packing, MethodHandle unpacking) {
    /** Forms that this host runs, best first; none where the library was not built. */
    static final List<NativePackedWords> FORMS = NativeLibrary.available(NativeLibrary.VECTORS).stream()
            .map(NativePackedWords::of)
            .toList();

    private static NativePackedWords of(String name) {
        return new NativePackedWords(
                name,
                NativeLibrary.function(
                        "pl_pack_" + name,
                        FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG)),
                NativeLibrary.function(
                        "pl_unpack_" + name,
                        FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT)));
    }

    /** Bytes written; arguments are within their arrays. */
    int pack(byte[] in, int at, int length, byte[] out, int outAt) {
        try {
            return (int) packing.invokeExact(
                    MemorySegment.ofArray(in), (long) at, length, MemorySegment.ofArray(out), (long) outAt);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** False where they are not packed to so many; arguments are within their arrays. */
    boolean unpack(byte[] in, int at, int packed, byte[] out, int outAt, int length) {
        try {
            return (int) unpacking.invokeExact(
                            MemorySegment.ofArray(in),
                            (long) at,
                            packed,
                            MemorySegment.ofArray(out),
                            (long) outAt,
                            length)
                    != 0;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
