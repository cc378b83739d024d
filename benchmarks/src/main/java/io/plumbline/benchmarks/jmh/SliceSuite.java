package io.plumbline.benchmarks.jmh;

import io.plumbline.verifier.blake3.ChainingValues;
import io.plumbline.verifier.blake3.ChunkSet;
import io.plumbline.verifier.blake3.Slice;
import java.lang.foreign.MemorySegment;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** A range of a message, proven by the message's hash alone: cut and checked. */
public class SliceSuite extends Suite {
    @Param("67108864")
    private int messageBytes;

    /** Bytes that are proven, from the middle. */
    @Param({"1024", "65536"})
    private int bytes;

    private byte[] message;
    private ChainingValues tree;
    private Slice slice;
    private byte[] cut;

    /** Bytes of a slice beside those that it proves. */
    @State(Scope.Thread)
    @AuxCounters(AuxCounters.Type.EVENTS)
    public static class Size {
        public long proofBytes;
    }

    /** A tree of which every value is kept. */
    @Setup
    public void prepare() {
        message = bytes(messageBytes, 1);
        tree = ChainingValues.of(null, MemorySegment.ofArray(message));
        int from = messageBytes / 2;
        slice = new Slice(null, messageBytes, new ChunkSet().addBytes(from, (long) from + bytes));
        cut = make();
        if (slice.verify(MemorySegment.ofArray(cut), tree.root()) == null) {
            throw new IllegalStateException("A right slice does not hold.");
        }
        cut[0] ^= 1;
        if (slice.verify(MemorySegment.ofArray(cut), tree.root()) != null) {
            throw new IllegalStateException("A wrong slice holds.");
        }
        cut[0] ^= 1;
    }

    private byte[] make() {
        return slice.cut(
                tree, (at, target, offset, length) -> System.arraycopy(message, (int) at, target, offset, length));
    }

    @Benchmark
    public byte[] cut(Size size) {
        size.proofBytes = slice.bytes() - bytes;
        return make();
    }

    @Benchmark
    public Slice.Proven verify() {
        return slice.verify(MemorySegment.ofArray(cut), tree.root());
    }
}
