package io.plumbline.gpu.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;

import io.plumbline.gpu.nvml.Nvml;
import io.plumbline.gpu.nvml.NvmlHealth;
import io.plumbline.hardware.HardwareProfile;
import io.plumbline.inference.language.engine.Accelerator;
import io.plumbline.inference.language.engine.Device;
import io.plumbline.inference.language.engine.DeviceHealth;
import io.plumbline.inference.language.engine.Engine;
import io.plumbline.inference.language.engine.Executor;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.KvCache;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.model.Architecture;
import io.plumbline.verifier.model.ModelConfig;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleConsumer;
import org.bytedeco.javacpp.Loader;

/** NVIDIA's GPUs, through JavaCPP's CUDA presets and the kernels of this project. */
public final class CudaAccelerator implements Accelerator {
    /** Most query heads that may share a kv head: a tile of attention holds that many rows. */
    private static final int MOST_SHARED = 64;

    /** Tokens that a GPU must have room for beside the weights, if the model's context is that long. */
    private static final int LEAST_CONTEXT = 2048;

    /** Devices that the driver shows to a process. */
    private static final String VISIBLE = "CUDA_VISIBLE_DEVICES";

    private static Found found;

    @Override
    public String kind() {
        return "CUDA";
    }

    /** By the variable that the driver reads at its first call; where the operator has set it, it stays. */
    @Override
    @SuppressWarnings("restricted")
    public void select(String device) {
        synchronized (CudaAccelerator.class) {
            if (found != null || !Device.isMig(device) || System.getenv(VISIBLE) != null) {
                return;
            }
            Linker linker = Linker.nativeLinker();
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment setenv = linker.defaultLookup().findOrThrow("setenv");
                FunctionDescriptor type =
                        FunctionDescriptor.of(ValueLayout.JAVA_INT, ADDRESS, ADDRESS, ValueLayout.JAVA_INT);
                int failed = (int) linker.downcallHandle(setenv, type)
                        .invokeExact(arena.allocateFrom(VISIBLE), arena.allocateFrom(device), 1);
                if (failed != 0) {
                    throw new IllegalStateException("setenv of " + VISIBLE + " failed");
                }
            } catch (IllegalCallerException e) {
                // Java may not call native code here: what is found will say so.
            } catch (RuntimeException | Error e) {
                throw e;
            } catch (Throwable e) {
                throw new IllegalStateException(e);
            }
        }
    }

    @Override
    public Found find() {
        synchronized (CudaAccelerator.class) {
            if (found == null) {
                found = look();
            }
            return found;
        }
    }

    @Override
    public List<Observation> observe() {
        // The bindings of NVML name the driver and its run-time library as needs, which are seen to there.
        find();
        return Nvml.observe();
    }

    /** The cheapest question first; the bindings are not touched before the driver is known to be there. */
    @SuppressWarnings("restricted")
    private static Found look() {
        try (Arena arena = Arena.ofConfined()) {
            SymbolLookup.libraryLookup("libcuda.so.1", arena);
        } catch (IllegalCallerException e) {
            return none("Java may not call native code here; start it with --enable-native-access=ALL-UNNAMED");
        } catch (IllegalArgumentException e) {
            return none("no NVIDIA driver on this host (libcuda.so.1 is not found)");
        }
        try {
            runtimeOrStandIn();
            List<Device> devices = Cuda.devices();
            return devices.isEmpty() ? none(noDevice()) : new Found(devices, null);
        } catch (CudaException e) {
            return none(e.getMessage());
        } catch (LinkageError e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            return none(
                    "JavaCPP's CUDA bindings cannot be loaded: " + cause.getMessage() + ". They are unpacked into "
                            + "~/.javacpp/cache, or what -Dorg.bytedeco.javacpp.cachedir names; it must not be mounted noexec.");
        } catch (IOException e) {
            return none(e.getMessage());
        } catch (RuntimeException e) {
            return none("looking for GPUs failed: " + e);
        }
    }

    private static String noDevice() {
        String visible = System.getenv(VISIBLE);
        return "the NVIDIA driver knows of no GPU"
                + (visible == null ? "" : ", and is to show " + VISIBLE + "=" + visible + " alone");
    }

    private static Found none(String why) {
        return new Found(List.of(), why);
    }

    /**
     * JavaCPP's library names libcudart.so.13 as a need, and a host with only a driver has none. We call the driver
     * alone, and functions are bound when first called: an empty library of that name will do. Hardened hosts mount
     * the folder for temporary files noexec, where no library can be loaded from: JavaCPP's own cache comes first,
     * for its bindings are loaded from there too.
     *
     * @throws IOException naming the places, when none of them serves.
     */
    @SuppressWarnings("restricted")
    private static void runtimeOrStandIn() throws IOException {
        try {
            SymbolLookup.libraryLookup("libcudart.so.13", Arena.global());
            return;
        } catch (IllegalArgumentException e) {
            // The host has none.
        }
        byte[] library;
        try (InputStream in = Cuda.class.getResourceAsStream("/io/plumbline/native/cuda/libcudart.so.13")) {
            if (in == null) {
                return;
            }
            library = in.readAllBytes();
        }
        List<Path> places = List.of(cache(), Path.of(System.getProperty("java.io.tmpdir")));
        List<String> reasons = new ArrayList<>();
        for (Path place : places) {
            try {
                loadFrom(place, library);
                return;
            } catch (IOException | IllegalArgumentException e) {
                reasons.add(place + " (" + e + ")");
            }
        }
        throw new IOException(
                "the stand-in for libcudart.so.13 cannot be loaded from " + String.join(", nor from ", reasons)
                        + ". Name a folder that can be written and is not mounted noexec: -Djava.io.tmpdir=DIR");
    }

    private static Path cache() throws IOException {
        return Loader.getCacheDir().toPath();
    }

    @SuppressWarnings("restricted")
    private static void loadFrom(Path place, byte[] library) throws IOException {
        Path copy = Files.createTempFile(place, "libcudart", ".so");
        try {
            Files.write(copy, library);
            SymbolLookup.libraryLookup(copy, Arena.global());
        } finally {
            Files.delete(copy);
        }
    }

    @Override
    public Loaded load(int device, LoadedModel model, List<LoadedModel.Layer> layers, DoubleConsumer progress)
            throws IOException {
        ModelConfig config = model.config();
        if (!config.architecture().equals(Architecture.PLAIN)) {
            throw new CudaException("The GPU's kernels run plain layers, and this model's are"
                    + config.architecture().toFields() + ". Run this model on processors: --device cpu.");
        }
        if (config.headDim() > Kernels.MOST_HEAD_DIM) {
            throw new CudaException("Heads of " + config.headDim() + " elements; the GPU's kernels take "
                    + Kernels.MOST_HEAD_DIM + " at most. Run this model on processors: --device cpu.");
        }
        if (config.heads() / config.kvHeads() > MOST_SHARED) {
            throw new CudaException(
                    config.heads() / config.kvHeads() + " query heads share a key head; the GPU's kernels take "
                            + MOST_SHARED + " at most. Run this model on processors: --device cpu.");
        }
        if (config.heads() > Kernels.MOST_HEADS) {
            throw new CudaException(config.heads() + " query heads; the GPU's kernels take " + Kernels.MOST_HEADS
                    + " at most. Run this model on processors: --device cpu.");
        }
        Cuda cuda = new Cuda(device);
        try {
            return new OnDevice(cuda, HardwareProfile.of(cuda.name()), model, layers, progress);
        } catch (IOException | RuntimeException e) {
            cuda.close();
            throw e;
        }
    }

    private record TimedPass(DevicePass pass, KernelTimes times) implements Accelerator.KernelRun {
        @Override
        public Executor executor() {
            return pass;
        }

        @Override
        public List<KernelTime> take() {
            return times.take();
        }

        @Override
        public void close() {
            try {
                times.close();
            } finally {
                pass.close();
            }
        }
    }

    private static final class OnDevice implements Loaded {
        private final Cuda cuda;
        private final HardwareProfile profile;
        private final LoadedModel model;
        private final Products products;
        private final DeviceWeights weights;

        OnDevice(
                Cuda cuda,
                HardwareProfile profile,
                LoadedModel model,
                List<LoadedModel.Layer> layers,
                DoubleConsumer progress)
                throws IOException {
            this.cuda = cuda;
            this.profile = profile;
            this.model = model;
            this.products = Products.choose(cuda);
            this.weights = new DeviceWeights(cuda, model, layers, workingBytes() + leastCache(), progress);
        }

        /** For the engine's pass and for one that answers challenges. */
        private long workingBytes() {
            return DevicePass.bytes(
                            model.config(), profile.batchRows() + profile.maxSequences(), profile.maxSequences())
                    + DevicePass.bytes(model.config(), Generator.PREFILL_BLOCK, 1);
        }

        private long leastCache() {
            int tokens = Math.min(LEAST_CONTEXT, model.config().maxPositions());
            return 2 * KvCache.pagesFor(tokens) * KvCache.pageBytes(model.config());
        }

        /** Half of the least cache stays for challenges, or an eighth of what there is if that is more. */
        @Override
        public Engine.Limits limits() {
            cuda.makeCurrent();
            long left = (long) (cuda.freeBytes() * profile.memoryShare()) - workingBytes();
            long challenges = Math.max(leastCache() / 2, left / 8);
            return new Engine.Limits(
                    profile.batchRows(), profile.maxSequences(), profile.queued(), Math.max(0, left - challenges));
        }

        @Override
        public Executor executor(int rows, int maxSequences) {
            return new DevicePass(cuda, weights, products, model, rows, maxSequences);
        }

        @Override
        public KernelRun kernelTimes(int rows, int maxSequences) {
            DevicePass pass = new DevicePass(cuda, weights, products, model, rows, maxSequences);
            try {
                KernelTimes times = new KernelTimes(cuda, KernelTimes.HOLD_ROUNDS);
                pass.timeBy(times);
                return new TimedPass(pass, times);
            } catch (RuntimeException e) {
                pass.close();
                throw e;
            }
        }

        @Override
        public DeviceHealth health() throws IOException {
            return NvmlHealth.open(cuda.id());
        }

        @Override
        public Rates rates() {
            return Probe.measure(cuda);
        }

        @Override
        public void close() {
            weights.close();
            cuda.close();
        }
    }
}
