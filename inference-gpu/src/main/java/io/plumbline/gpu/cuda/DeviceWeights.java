package io.plumbline.gpu.cuda;

import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.model.LoadedModel.Matrix;
import io.plumbline.verifier.model.LayerParameters;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.TensorNames;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleConsumer;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUstream_st;

/**
 * A model's weights in one block of device memory, matrices that share their input stacked. Read only, for any number
 * of passes.
 */
final class DeviceWeights implements AutoCloseable {
    private static final int ALIGNMENT = 256;
    private static final int STAGE = 32 << 20;

    /** Where a layer's parts stand; 0 for what the model has not. */
    record Layer(
            long attentionGain,
            DeviceMatrix qkv,
            long qkvScale,
            long qkvBias,
            long queryGain,
            long keyGain,
            DeviceMatrix out,
            long outScale,
            long mlpGain,
            DeviceMatrix gateUp,
            long gateUpScale,
            DeviceMatrix down,
            long downScale) {}

    private final Cuda cuda;
    private final long memory;
    private final long bytes;
    private final List<Layer> layers = new ArrayList<>();
    private final int embeddingType;
    private long embedding;
    private long cos;
    private long sin;
    private long finalGain;
    private DeviceMatrix output;
    private long outputScale;

    /** What is to be copied where, collected before memory is taken. */
    private static final class Plan {
        /** Writes the rows that {@code to} has room for, from row {@code first} on. */
        private interface Rows {
            void copy(long first, MemorySegment to);
        }

        private record Part(long at, long bytes, int rowBytes, Rows rows) {
            /** Bytes that are copied at once: whole rows. */
            int piece() {
                return STAGE / rowBytes * rowBytes;
            }

            void copy(long from, MemorySegment to) {
                rows.copy(from / rowBytes, to);
            }
        }

        private final List<Part> parts = new ArrayList<>();
        private long size;

        /** One after the other, without a gap. Returns where the first begins. */
        long add(MemorySegment... stacked) {
            long at = size;
            for (MemorySegment from : stacked) {
                add(from.byteSize(), 1, (first, to) -> MemorySegment.copy(from, first, to, 0, to.byteSize()));
            }
            align();
            return at;
        }

        private void align() {
            size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        }

        /** Matrices that share their input, one below the other. */
        DeviceMatrix add(Matrix... stacked) {
            boolean isGrouped = stacked[0].format().isGrouped();
            if (Arrays.stream(stacked).anyMatch(matrix -> matrix.format().isGrouped() != isGrouped)) {
                throw new CudaException("Of matrices that share their input some have weights of four bits and some of"
                        + " eight, which no kernel multiplies at once. Import the checkpoint again with this version.");
            }
            if (!isGrouped) {
                return new DeviceMatrix(
                        add(Arrays.stream(stacked).map(Matrix::weights).toArray(MemorySegment[]::new)));
            }
            int columns = stacked[0].columns();
            int indexBytes = GroupedRows.indexBytes(columns);
            int headBytes = GroupedRows.headBytes(columns);
            long indices = size;
            for (Matrix matrix : stacked) {
                long bytes = (long) matrix.rows() * indexBytes;
                add(bytes, indexBytes, (first, to) -> GroupedRows.copyIndices(matrix, first, to));
            }
            align();
            long heads = size;
            for (Matrix matrix : stacked) {
                long bytes = (long) matrix.rows() * headBytes;
                add(bytes, headBytes, (first, to) -> GroupedRows.copyHeads(matrix, first, to));
            }
            align();
            return new DeviceMatrix(indices, heads);
        }

        private void add(long bytes, int rowBytes, Rows rows) {
            parts.add(new Part(size, bytes, rowBytes, rows));
            size += bytes;
        }

        long add(float[] values) {
            return values == null ? -1 : add(MemorySegment.ofArray(values));
        }
    }

    /**
     * Uploads.
     *
     * @param layers to run, usually the model's own.
     * @param reserve bytes that must stay free for what comes after.
     * @param progress told the share done, 0 to 1.
     * @throws CudaException before anything is taken, when they do not fit.
     */
    DeviceWeights(Cuda cuda, LoadedModel model, List<LoadedModel.Layer> layers, long reserve, DoubleConsumer progress)
            throws IOException {
        this.cuda = cuda;
        Manifest.Tensor table = model.manifest().tensor(TensorNames.EMBEDDING);
        this.embeddingType = switch (table.dtype()) {
            case "F32" -> 0;
            case "BF16" -> 1;
            case "F16" -> 2;
            default -> throw new CudaException("No GPU kernel reads an embedding of type " + table.dtype() + ".");
        };
        Plan plan = new Plan();
        List<Layer> offsets = new ArrayList<>();
        for (LoadedModel.Layer layer : layers) {
            LayerParameters p = layer.parameters();
            offsets.add(new Layer(
                    plan.add(p.attentionGain()),
                    plan.add(layer.q(), layer.k(), layer.v()),
                    plan.add(p.qkvScale()),
                    plan.add(p.qkvBias()),
                    plan.add(p.queryGain()),
                    plan.add(p.keyGain()),
                    plan.add(layer.out()),
                    plan.add(p.outScale()),
                    plan.add(p.mlpGain()),
                    plan.add(layer.gate(), layer.up()),
                    plan.add(p.gateUpScale()),
                    plan.add(layer.down()),
                    plan.add(p.downScale())));
        }
        long embeddingAt = plan.add(model.embeddingBytes());
        long cosAt = plan.add(model.rotary().full().cos());
        long sinAt = plan.add(model.rotary().full().sin());
        long finalGainAt = plan.add(model.finalGain());
        DeviceMatrix outputAt = plan.add(model.output());
        long outputScaleAt = plan.add(model.outputScale());
        this.bytes = plan.size;
        long free = cuda.freeBytes();
        if (bytes + reserve > free) {
            throw new CudaException("This model needs " + mib(bytes) + " MiB of GPU memory for its weights and "
                    + mib(reserve) + " to work in; " + cuda.name() + " has " + mib(free)
                    + " free. Stop what else runs there, or use a larger GPU.");
        }
        this.memory = cuda.allocate(bytes);
        try {
            copy(plan, progress);
        } catch (RuntimeException e) {
            cuda.free(memory);
            throw e;
        }
        this.embedding = memory + embeddingAt;
        this.cos = memory + cosAt;
        this.sin = memory + sinAt;
        this.finalGain = memory + finalGainAt;
        this.output = at(outputAt);
        this.outputScale = memory + outputScaleAt;
        for (Layer o : offsets) {
            this.layers.add(new Layer(
                    at(o.attentionGain()),
                    at(o.qkv()),
                    at(o.qkvScale()),
                    at(o.qkvBias()),
                    at(o.queryGain()),
                    at(o.keyGain()),
                    at(o.out()),
                    at(o.outScale()),
                    at(o.mlpGain()),
                    at(o.gateUp()),
                    at(o.gateUpScale()),
                    at(o.down()),
                    at(o.downScale())));
        }
    }

    private long at(long offset) {
        return offset < 0 ? 0 : memory + offset;
    }

    private DeviceMatrix at(DeviceMatrix offset) {
        return new DeviceMatrix(memory + offset.weights(), offset.isGrouped() ? memory + offset.heads() : 0);
    }

    static long mib(long bytes) {
        return (bytes + (1 << 20) - 1) >> 20;
    }

    /** Through two pinned buffers by turns: one is filled from the file while the other is on its way. */
    private void copy(Plan plan, DoubleConsumer progress) {
        try (Owned owned = new Owned(cuda)) {
            CUstream_st stream = owned.stream();
            MemorySegment[] stages = {owned.pinned(STAGE), owned.pinned(STAGE)};
            CUevent_st[] sent = {owned.event(), owned.event()};
            int turn = 0;
            long done = 0;
            for (Plan.Part part : plan.parts) {
                for (long from = 0; from < part.bytes(); from += part.piece()) {
                    long n = Math.min(part.piece(), part.bytes() - from);
                    cuda.await(sent[turn]);
                    MemorySegment stage = stages[turn].asSlice(0, n);
                    part.copy(from, stage);
                    cuda.upload(stream, memory + part.at() + from, stage);
                    cuda.record(sent[turn], stream);
                    turn = 1 - turn;
                    done += n;
                    progress.accept((double) done / bytes);
                }
            }
            cuda.await(stream);
            progress.accept(1);
        }
    }

    /** Bytes on the device. */
    long bytes() {
        return bytes;
    }

    Layer layer(int index) {
        return layers.get(index);
    }

    long embedding() {
        return embedding;
    }

    int embeddingType() {
        return embeddingType;
    }

    long cos() {
        return cos;
    }

    long sin() {
        return sin;
    }

    long finalGain() {
        return finalGain;
    }

    DeviceMatrix output() {
        return output;
    }

    long outputScale() {
        return outputScale;
    }

    @Override
    public void close() {
        cuda.makeCurrent();
        cuda.free(memory);
    }
}
