package io.plumbline.gpu.cuda;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUgraphExec_st;
import org.bytedeco.cuda.cudart.CUstream_st;

/**
 * What was taken from a GPU, all given back by {@link #close} in reverse order: also half of it, where taking the
 * rest failed.
 */
final class Owned implements AutoCloseable {
    private final Cuda cuda;
    private final Deque<Runnable> back = new ArrayDeque<>();

    /** @param cuda current in the calling thread. */
    Owned(Cuda cuda) {
        this.cuda = cuda;
    }

    /** Device memory of {@code bytes} bytes. */
    long allocate(long bytes) {
        long address = cuda.allocate(bytes);
        back.push(() -> cuda.free(address));
        return address;
    }

    /** Host memory of {@code bytes} bytes, at least one, that the device reads and writes by itself. */
    MemorySegment pinned(long bytes) {
        MemorySegment memory = cuda.pinned(bytes);
        back.push(() -> cuda.freePinned(memory));
        return memory;
    }

    CUstream_st stream() {
        return own(cuda.stream());
    }

    /** One whose kernels come before those of others. */
    CUstream_st urgentStream() {
        return own(cuda.urgentStream());
    }

    private CUstream_st own(CUstream_st stream) {
        back.push(() -> cuda.destroy(stream));
        return stream;
    }

    CUevent_st event() {
        return own(cuda.event());
    }

    /** One that tells its time. */
    CUevent_st timedEvent() {
        return own(cuda.timedEvent());
    }

    private CUevent_st own(CUevent_st event) {
        back.push(() -> cuda.destroy(event));
        return event;
    }

    CUgraphExec_st own(CUgraphExec_st graph) {
        back.push(() -> cuda.destroy(graph));
        return graph;
    }

    Launcher launcher(CUstream_st stream) {
        Launcher launcher = new Launcher(cuda, stream);
        back.push(launcher::close);
        return launcher;
    }

    /** Gives everything back after {@code why}, which it does not replace. */
    void closeAfter(Throwable why) {
        try {
            close();
        } catch (RuntimeException e) {
            why.addSuppressed(e);
        }
    }

    /** @throws CudaException the first there was, after all had their turn. */
    @Override
    public void close() {
        RuntimeException first = null;
        while (!back.isEmpty()) {
            try {
                back.pop().run();
            } catch (RuntimeException e) {
                if (first == null) {
                    first = e;
                } else {
                    first.addSuppressed(e);
                }
            }
        }
        if (first != null) {
            throw first;
        }
    }
}
