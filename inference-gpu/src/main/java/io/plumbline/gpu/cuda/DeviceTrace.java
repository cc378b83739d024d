package io.plumbline.gpu.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.plumbline.inference.language.engine.Segment;
import io.plumbline.inference.language.engine.TraceWriter;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.trace.TraceHasher;
import io.plumbline.verifier.trace.TraceLayout;
import java.lang.foreign.MemorySegment;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUstream_st;

/**
 * The trace of a batch on the device: records of every layer, hashed beside the layers in a stream of its own, or
 * between them; and the digests that come down.
 */
final class DeviceTrace {
    /** Words of the key that a batch's traces are hashed by. */
    static final int KEY_WORDS = 8;

    private static final int KEYED_HASH = 16;
    private static final int CHUNK = 1024;

    /** Layers whose records are there at once: being written, being hashed, and waiting for that. */
    private static final int TURNS = 3;

    /** Bytes of a record that a block copies. */
    private static final int TRACE_BYTES = 8192;

    private final Cuda cuda;
    private final Launcher main;
    private final Launcher side;
    private final CUstream_st hashStream;
    private final CUevent_st[] recordsWritten = new CUevent_st[TURNS];
    private final CUevent_st[] recordsHashed = new CUevent_st[TURNS];
    private final ModelConfig config;
    private final TraceLayout layout;
    private final int stepChunks;
    private final int tailChunks;
    private final int digestWords;
    private final Parts parts;
    private final Inputs inputs;
    private final long[] records = new long[TURNS];
    private final long stepRecords;
    private final long cvs;
    private final long digests;
    private final MemorySegment downDigests;
    private final MemorySegment downRecords;
    private final int[] digest;

    /** Where a layer leaves what its records are made of, row by row. */
    record Parts(long h, long k, long v, long sk, long sv) {}

    /** Where a batch's tokens stand, their positions, and the key. */
    record Inputs(long tokens, long positions, long key) {}

    /**
     * @param main into the layers' stream.
     * @param rows most rows in a batch.
     * @param maxSequences most sequences in a batch.
     */
    DeviceTrace(
            Cuda cuda,
            Owned owned,
            Launcher main,
            ModelConfig config,
            int rows,
            int maxSequences,
            Parts parts,
            Inputs inputs) {
        this.cuda = cuda;
        this.main = main;
        this.config = config;
        this.layout = new TraceLayout(config);
        this.stepChunks = layout.stepChunks();
        this.tailChunks = layout.tailChunks();
        this.digestWords = TraceHasher.digestWords(layout);
        this.digest = new int[digestWords];
        this.parts = parts;
        this.inputs = inputs;
        // Its blocks are few and the layers' are many: behind those they would come so late that the layers wait for
        // the room of their records.
        this.hashStream = owned.urgentStream();
        this.side = owned.launcher(hashStream);
        for (int i = 0; i < TURNS; i++) {
            recordsWritten[i] = owned.event();
            recordsHashed[i] = owned.event();
        }
        long n = rows;
        long record = Math.max(layout.recordBytes(0), layout.finalBytes());
        this.stepRecords = owned.allocate(recordRoom(layout, rows, maxSequences));
        for (int i = 0; i < TURNS; i++) {
            records[i] = stepRecords + i * n * record;
        }
        this.cvs = owned.allocate(n * stepChunks * 4L * KEY_WORDS);
        this.digests = owned.allocate(4 * n * digestWords);
        this.downDigests = owned.pinned(4 * n * digestWords);
        this.downRecords = owned.pinned(n * record);
    }

    /** Device memory for a batch's trace, in bytes. */
    static long bytes(TraceLayout layout, int rows, int maxSequences) {
        long row = layout.stepBytes() / 32 + 4L * TraceHasher.digestWords(layout);
        return rows * row + recordRoom(layout, rows, maxSequences);
    }

    /** Bytes for the records of some layers of a batch, or of all layers where each row decodes. */
    private static long recordRoom(TraceLayout layout, int rows, int maxSequences) {
        long some = (long) TURNS * rows * Math.max(layout.recordBytes(0), layout.finalBytes());
        return Math.max(some, (long) Math.min(maxSequences, DeviceBatch.MOST_RECORDED) * layout.stepBytes());
    }

    void timeBy(KernelTimes by) {
        side.timeBy(by);
    }

    /** Where layer {@code l}'s record of a row is that decodes, each row's {@link TraceLayout#stepBytes} together. */
    long stepRecord(int l) {
        return stepRecords + (long) l * layout.recordBytes(0);
    }

    /**
     * Records of layer {@code l}: hashed where their parts are before what follows overwrites them, or, beside what
     * follows or to come down, from a copy.
     */
    void layer(DeviceBatch batch, int l) {
        int turn = l % TURNS;
        if (!batch.hashesBeside() && !batch.copy) {
            int chunks = layout.recordBytes(0) / CHUNK;
            hashChunks(withParts(main.kernel("hash_rows")), batch, chunks, l * chunks);
            return;
        }
        if (l >= TURNS && batch.hashesBeside()) {
            await(recordsHashed[turn]);
        }
        withParts(main.kernel("trace_records"))
                .with(layout.recordBytes(0))
                .with(records[turn])
                .run((layout.recordBytes(0) + TRACE_BYTES - 1) / TRACE_BYTES, batch.rows, 128);
        hash(batch, l, layout.recordBytes(0));
    }

    /** The parts of a layer's records, in their order. */
    private Launcher withParts(Launcher to) {
        return to.with(parts.h())
                .with(parts.k())
                .with(parts.v())
                .with(parts.sk())
                .with(parts.sv())
                .with(config.hidden())
                .with(config.kvDim(0))
                .with(config.kvHeads());
    }

    /** Launches a kernel that knows where records are: {@code chunks} of every row, from its step's {@code first}. */
    private void hashChunks(Launcher to, DeviceBatch batch, int chunks, int first) {
        to.with(batch.rows)
                .with(chunks)
                .with(inputs.positions())
                .with(stepChunks)
                .with(first)
                .with(inputs.key())
                .with(KEYED_HASH)
                .with(cvs)
                .run((batch.rows * chunks + 127) / 128, 1, 128);
    }

    /** Final records, and the digests of all rows. */
    void finish(DeviceBatch batch) {
        if (!batch.trace) {
            return;
        }
        int last = config.layers();
        if (batch.isShort) {
            beginHashing(batch, last % TURNS);
            finalRecords(hasher(batch), batch, layout.stepBytes(), stepRecord(last));
            hashChunks(hasher(batch).kernel("hash_records").with(stepRecords), batch, stepChunks, 0);
        } else {
            if (last >= TURNS && batch.hashesBeside()) {
                await(recordsHashed[last % TURNS]);
            }
            finalRecords(main, batch, layout.finalBytes(), records[last % TURNS]);
            hash(batch, last, layout.finalBytes());
        }
        hasher(batch)
                .kernel("reduce_subtrees")
                .with(cvs)
                .with(inputs.positions())
                .with(stepChunks)
                .with(tailChunks)
                .with(inputs.key())
                .with(KEYED_HASH)
                .with(digestWords)
                .with(digests)
                .run(digestWords / KEY_WORDS, batch.rows, 32);
        if (batch.hashesBeside()) {
            cuda.record(recordsHashed[last % TURNS], hashStream);
        }
    }

    /** @param stride from a row's record to the next, in bytes. */
    private void finalRecords(Launcher to, DeviceBatch batch, long stride, long at) {
        to.kernel("final_records")
                .with(parts.h())
                .with(inputs.tokens())
                .with(config.hidden())
                .with(layout.finalBytes())
                .with(stride)
                .with(at)
                .run(batch.rows, 1, 128);
    }

    private Launcher hasher(DeviceBatch batch) {
        return batch.hashesBeside() ? side : main;
    }

    /** Has the layers' stream wait for {@code event}. */
    private void await(CUevent_st event) {
        cuda.await(main.stream(), event);
        main.apart();
    }

    /** Has the layers' stream wait for the digests: as late as may be, for the output matrix takes longer. */
    void join(DeviceBatch batch) {
        if (batch.trace && batch.hashesBeside()) {
            await(recordsHashed[config.layers() % TURNS]);
        }
    }

    /** Brings digests down, once they are waited for. */
    void takeDigests(DeviceBatch batch, boolean isJoined) {
        if (!batch.trace) {
            return;
        }
        if (!isJoined) {
            join(batch);
        }
        cuda.download(main.stream(), downDigests.asSlice(0, 4L * batch.rows * digestWords), digests);
        main.apart();
    }

    private void hash(DeviceBatch batch, int l, int bytes) {
        int turn = l % TURNS;
        if (batch.copy) {
            copyRecords(batch, l, bytes);
        }
        beginHashing(batch, turn);
        int first = l * (layout.recordBytes(0) / CHUNK);
        hashChunks(hasher(batch).kernel("hash_records").with(records[turn]), batch, bytes / CHUNK, first);
        if (batch.hashesBeside()) {
            cuda.record(recordsHashed[turn], hashStream);
        }
    }

    /** Where that is a stream of its own, it waits for what the layers have written so far. */
    private void beginHashing(DeviceBatch batch, int turn) {
        if (batch.hashesBeside()) {
            cuda.record(recordsWritten[turn], main.stream());
            cuda.await(hashStream, recordsWritten[turn]);
        }
    }

    /** To answer a challenge a whole trace is wanted: its records come down as they are written. */
    private void copyRecords(DeviceBatch batch, int l, int bytes) {
        MemorySegment down = downRecords.asSlice(0, (long) batch.rows * bytes);
        cuda.download(main.stream(), down, records[l % TURNS]);
        cuda.await(main.stream());
        main.apart();
        int row = 0;
        for (Segment segment : batch.segments) {
            for (int i = 0; i < segment.count(); i++, row++) {
                if (segment.trace() != null && segment.trace().wantsCopy()) {
                    segment.trace().put(segment.first() + i, l, down, (long) row * bytes);
                }
            }
        }
    }

    /** Hands the digests that came down to the rows' traces. */
    void putDigests(DeviceBatch batch) {
        int row = 0;
        for (Segment segment : batch.segments) {
            TraceWriter trace = segment.trace();
            for (int i = 0; i < segment.count(); i++, row++) {
                if (trace != null) {
                    MemorySegment.copy(downDigests, JAVA_INT, 4L * row * digestWords, digest, 0, digestWords);
                    trace.putDigest(segment.first() + i, digest, 0);
                }
            }
        }
    }

    /** Waits until all that was hashed is. */
    void await() {
        cuda.await(hashStream);
    }
}
