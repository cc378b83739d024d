package io.plumbline.gpu.cuda;

import static org.bytedeco.cuda.global.cudart.CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;

import org.bytedeco.cuda.cudart.CUlaunchAttribute;
import org.bytedeco.cuda.cudart.CUlaunchConfig;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;

/** Launches kernels into one stream: name, then arguments in order, then the grid. One thread at a time. */
final class Launcher implements AutoCloseable {
    private static final int MOST_ARGUMENTS = 32;

    private final Cuda cuda;
    private final CUstream_st stream;
    private final LongPointer values = new LongPointer(MOST_ARGUMENTS);
    private final PointerPointer<Pointer> list = new PointerPointer<>(MOST_ARGUMENTS);
    private final CUlaunchAttribute attribute = new CUlaunchAttribute();
    private final CUlaunchConfig overlapping = new CUlaunchConfig();
    private String kernel;
    private int count;
    private boolean overlaps;
    private boolean isAlone;
    private KernelTimes times;
    private boolean isTimed;
    private String shape;
    private long bytes;
    private long operations;

    Launcher(Cuda cuda, CUstream_st stream) {
        this.cuda = cuda;
        this.stream = stream;
        for (int i = 0; i < MOST_ARGUMENTS; i++) {
            list.put(i, values.getPointer(i));
        }
        attribute.id(CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION);
        attribute.value().programmaticStreamSerializationAllowed(1);
        overlapping.hStream(stream).attrs(attribute).numAttrs(1);
    }

    /**
     * From now on kernels may begin before those before them have ended, and wait for them themselves; but for those
     * that stand {@link #apart}.
     */
    void overlap() {
        overlaps = true;
    }

    /**
     * The next kernel follows something else than a kernel, or waits for more: it begins when all of that has ended.
     */
    void apart() {
        isAlone = true;
    }

    CUstream_st stream() {
        return stream;
    }

    /** Has every launch from now on timed. */
    void timeBy(KernelTimes by) {
        times = by;
    }

    Launcher kernel(String name) {
        kernel = name;
        count = 0;
        isTimed = times != null;
        shape = null;
        bytes = 0;
        operations = 0;
        return this;
    }

    /**
     * The work of the launch, told beside its time, see {@link KernelTimes.Key}; its grid where this is not called.
     */
    Launcher counted(String shape, long bytes, long operations) {
        this.shape = shape;
        this.bytes = bytes;
        this.operations = operations;
        return this;
    }

    /** One that is not timed in any case. */
    Launcher untimed(String name) {
        kernel(name);
        isTimed = false;
        return this;
    }

    /** A place in device memory, or 0 for none; or any 64-bit number. */
    Launcher with(long value) {
        values.put(count++, value);
        return this;
    }

    Launcher with(int value) {
        return with(value & 0xFFFFFFFFL);
    }

    Launcher with(float value) {
        return with(Float.floatToRawIntBits(value));
    }

    void run(int x, int y, int threads) {
        run(x, y, 1, threads, 0);
    }

    /** @param shared bytes of dynamic shared memory. */
    void run(int x, int y, int z, int threads, int shared) {
        if (isTimed) {
            String what = shape != null ? shape : x + "x" + y + "x" + z;
            times.around(
                    stream,
                    new KernelTimes.Key(kernel, what, bytes, operations),
                    () -> cuda.launch(stream, kernel, x, y, z, threads, shared, list));
        } else if (overlaps && !isAlone) {
            overlapping
                    .gridDimX(x)
                    .gridDimY(y)
                    .gridDimZ(z)
                    .blockDimX(threads)
                    .blockDimY(1)
                    .blockDimZ(1);
            cuda.launch(overlapping.sharedMemBytes(shared), kernel, list);
        } else {
            cuda.launch(stream, kernel, x, y, z, threads, shared, list);
        }
        isAlone = false;
    }

    @Override
    public void close() {
        values.close();
        list.close();
        overlapping.close();
        attribute.close();
    }
}
