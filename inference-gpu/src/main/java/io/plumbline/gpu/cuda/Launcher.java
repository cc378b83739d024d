package io.plumbline.gpu.cuda;

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
    private String kernel;
    private int count;

    Launcher(Cuda cuda, CUstream_st stream) {
        this.cuda = cuda;
        this.stream = stream;
        for (int i = 0; i < MOST_ARGUMENTS; i++) {
            list.put(i, values.getPointer(i));
        }
    }

    CUstream_st stream() {
        return stream;
    }

    Launcher kernel(String name) {
        kernel = name;
        count = 0;
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
        cuda.launch(stream, kernel, x, y, z, threads, shared, list);
    }

    @Override
    public void close() {
        values.close();
        list.close();
    }
}
