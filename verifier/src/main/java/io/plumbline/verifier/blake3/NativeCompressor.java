package io.plumbline.verifier.blake3;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.plumbline.verifier.platform.NativeLibrary;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.Objects;

/** The C form: as many chunks at once as the processor's vectors have lanes. */
public final class NativeCompressor implements ChunkCompressor {
    /** Below this the lanes would be nearly empty. */
    private static final int LEAST = 3;

    /** A call holds up the garbage collector: a fraction of a millisecond each. */
    private static final int MOST = 1024;

    private static final FunctionDescriptor TYPE =
            FunctionDescriptor.ofVoid(ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG);

    private static final FunctionDescriptor PARENTS_TYPE =
            FunctionDescriptor.ofVoid(ADDRESS, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);

    private static final FunctionDescriptor MESSAGES_TYPE =
            FunctionDescriptor.ofVoid(ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS, JAVA_LONG);

    private final MethodHandle chunks;
    private final MethodHandle messages;
    private final MethodHandle parents;
    private final ScalarCompressor few = new ScalarCompressor();

    private NativeCompressor(String form) {
        this.chunks = NativeLibrary.function("pl_chunks_" + form, TYPE);
        this.messages = NativeLibrary.function("pl_messages_" + form, MESSAGES_TYPE);
        this.parents = NativeLibrary.function("pl_parents_" + form, PARENTS_TYPE);
    }

    /** All that run on this host, best first. */
    public static List<ChunkCompressor> all() {
        return NativeLibrary.available(NativeLibrary.VECTORS).stream()
                .<ChunkCompressor>map(NativeCompressor::new)
                .toList();
    }

    @Override
    public void chunks(
            int[] key,
            int flags,
            MemorySegment in,
            long offset,
            int count,
            long[] counters,
            int countersOffset,
            int[] cvs,
            int cvsOffset) {
        if (count < LEAST) {
            few.chunks(key, flags, in, offset, count, counters, countersOffset, cvs, cvsOffset);
            return;
        }
        MemorySegment keyMemory = MemorySegment.ofArray(key);
        MemorySegment indices = MemorySegment.ofArray(counters);
        MemorySegment out = MemorySegment.ofArray(cvs);
        try {
            for (int c = 0; c < count; c += MOST) {
                int here = Math.min(MOST, count - c);
                chunks.invokeExact(
                        keyMemory,
                        flags,
                        in.asSlice(offset + (long) c * CHUNK_BYTES, (long) here * CHUNK_BYTES),
                        here,
                        indices,
                        (long) (countersOffset + c),
                        out,
                        (long) (cvsOffset + c * CV_WORDS));
            }
        } catch (IndexOutOfBoundsException e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void parents(int[] key, int flags, int[] in, int inOffset, int count, int[] out, int outOffset) {
        Objects.checkFromIndexSize(inOffset, 16 * count, in.length);
        Objects.checkFromIndexSize(outOffset, 8 * count, out.length);
        MemorySegment words = MemorySegment.ofArray(in);
        MemorySegment values = MemorySegment.ofArray(out);
        try {
            parents.invokeExact(
                    MemorySegment.ofArray(key), flags, words, (long) inOffset, count, values, (long) outOffset);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void messages(int[] key, int flags, MemorySegment in, long offset, int count, int bytes, int[] hashes) {
        Objects.checkIndex(bytes, CHUNK_BYTES + 1);
        Objects.checkFromIndexSize(0, CV_WORDS * count, hashes.length);
        MemorySegment all = in.asSlice(offset, (long) count * bytes);
        MemorySegment out = MemorySegment.ofArray(hashes);
        try {
            for (int i = 0; i < count; i += MOST) {
                int here = Math.min(MOST, count - i);
                MemorySegment these = all.asSlice((long) i * bytes, (long) here * bytes);
                messages.invokeExact(MemorySegment.ofArray(key), flags, these, here, bytes, out, (long) i * CV_WORDS);
            }
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
