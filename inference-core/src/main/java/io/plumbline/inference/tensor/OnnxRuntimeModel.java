package io.plumbline.inference.tensor;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.OrtSession.SessionOptions.OptLevel;
import ai.onnxruntime.TensorInfo;
import io.plumbline.verifier.platform.ExtractedLibraries;
import io.plumbline.verifier.tensor.AnswerTooLargeException;
import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Fingerprint;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Pattern;

/** A session of ONNX Runtime. Sessions may be run by several threads at once. */
public final class OnnxRuntimeModel implements LoadedTensorModel {
    private static final long STACK_BYTES = 64 << 20;

    /** Longest that loading a model takes, and how much longer for each MiB of its files. */
    private static final long LOAD_MS = 120_000;

    private static final long LOAD_MS_A_MIB = 100;

    /** Characters of an error; some repeat a graph. */
    private static final int MAX_SAID = 1000;

    /** As the arena says it, and as C++ does. */
    private static final Pattern OUT_OF_MEMORY =
            Pattern.compile("Available memory of|bad[_ ]alloc|Failed to allocate memory");

    /** Bytes of a constant that is computed while a model is loaded; larger ones are computed as it runs. */
    private static final String MAX_FOLDED_BYTES = Long.toString(256L << 20);

    /**
     * What exporters write where a dimension has no name. Equal names are equal sizes, and these are not: such a
     * dimension is named by its place, as "input.0".
     */
    private static final Pattern NO_NAMES =
            Pattern.compile("(?i)\\s*|[?*]|[-+]?\\d+|none|null|nil|undefined|unk|unknown|any|dynamic|nan");

    private final OrtSession session;
    private final Fingerprint fingerprint;
    private int running;
    private boolean isClosed;

    /**
     * How a session computes.
     *
     * @param threads within an operator.
     * @param level of graph optimization: other levels sum in other orders.
     */
    public record Options(int threads, OptLevel level) {
        static Options serving(int threads) {
            return new Options(threads, OptLevel.ALL_OPT);
        }
    }

    /** Loaded on first use: it unpacks a library of 28 MB. */
    private static final class Runtime {
        /** Where it finds its shared objects, if it is not to copy them itself. */
        private static final String FOLDER = "onnxruntime.native.path";

        private static final OrtEnvironment ENVIRONMENT = load();

        private static final String UNBOUNDED = OnnxRuntimeArena.register();

        private static OrtEnvironment load() {
            OrtEnvironment[] environment = new OrtEnvironment[1];
            if (System.getProperty(FOLDER) == null) {
                try {
                    ExtractedLibraries.load(OrtEnvironment.class, libraries(), folder -> {
                        System.setProperty(FOLDER, folder.toString());
                        try {
                            environment[0] = environment();
                        } finally {
                            System.clearProperty(FOLDER);
                        }
                    });
                } catch (IOException e) {
                    throw new UncheckedIOException("its library cannot be copied from its jar: " + e.getMessage(), e);
                }
            }
            // Where the folder was named, or on a system of which we do not know its names, it goes its own way.
            return environment[0] == null ? environment() : environment[0];
        }

        /** What fails is told by exceptions; its log would say the same in the midst of an operator's output. */
        private static OrtEnvironment environment() {
            return OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, "plumbline");
        }

        private static List<String> libraries() {
            String machine = System.getProperty("os.arch").equals("amd64") ? "x64" : System.getProperty("os.arch");
            String folder = "/ai/onnxruntime/native/"
                    + System.getProperty("os.name").toLowerCase(Locale.ROOT) + "-" + machine + "/";
            return List.of(folder + "libonnxruntime.so", folder + "libonnxruntime4j_jni.so");
        }
    }

    private OnnxRuntimeModel(OrtSession session, Fingerprint fingerprint) {
        this.session = session;
        this.fingerprint = fingerprint;
    }

    /** Why ONNX Runtime cannot be used on this host, or null. */
    static String absence() {
        try {
            // A request that takes all memory would end the process: where that cannot be helped nothing is served.
            return deep(
                    () -> Runtime.ENVIRONMENT == null ? "it could not be started" : Runtime.UNBOUNDED, Long.MAX_VALUE);
        } catch (Exception e) {
            Throwable cause = e;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            return "ONNX Runtime could not be loaded: " + cause.getMessage()
                    + ". It needs Linux with glibc 2.28 or later on x86-64 or arm64, macOS on arm64, or Windows on x86-64.";
        }
    }

    private interface Create {
        OrtSession with(OrtSession.SessionOptions options) throws OrtException;
    }

    /** @param file an ONNX model; its external data lies beside it. */
    public static OnnxRuntimeModel load(Path file, Precision precision, Options options) throws IOException {
        return load(file, precision, options, LOAD_MS + LOAD_MS_A_MIB * (bytesBeside(file) >> 20));
    }

    /** @param longestMs after which it is given up: what is constant in a small file may take hours to compute. */
    static OnnxRuntimeModel load(Path file, Precision precision, Options options, long longestMs) throws IOException {
        String name = file.toString();
        return load(name, precision, options, longestMs, with -> Runtime.ENVIRONMENT.createSession(name, with));
    }

    /** Bytes of a model's folder: its weights may lie in any of its files. */
    private static long bytesBeside(Path file) throws IOException {
        long bytes = 0;
        try (DirectoryStream<Path> files =
                Files.newDirectoryStream(file.toAbsolutePath().getParent(), Files::isRegularFile)) {
            for (Path one : files) {
                bytes += Files.size(one);
            }
        } catch (NoSuchFileException e) {
            // ONNX Runtime says which.
        }
        return bytes;
    }

    /** @param what it is, for messages. */
    public static OnnxRuntimeModel load(byte[] model, String what, Precision precision, Options options)
            throws IOException {
        return load(what, precision, options, LOAD_MS, with -> Runtime.ENVIRONMENT.createSession(model, with));
    }

    private static OnnxRuntimeModel load(
            String what, Precision precision, Options options, long longestMs, Create create) throws IOException {
        AtomicBoolean isGivenUp = new AtomicBoolean();
        try {
            return deep(
                    () -> {
                        OnnxRuntimeModel loaded = loadHere(what, precision, options, create);
                        if (isGivenUp.get()) {
                            loaded.close();
                        }
                        return loaded;
                    },
                    longestMs);
        } catch (TimeoutException e) {
            // ONNX Runtime does not stop. Its thread keeps no process from ending.
            isGivenUp.set(true);
            throw new IOException(
                    "ONNX Runtime does not load " + what + " within " + (longestMs + 999) / 1000
                            + " s. Compute what is constant in it before it is exported, or give this host more"
                            + " processors.",
                    e);
        } catch (IOException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException("ONNX Runtime failed unexpectedly: " + e, e);
        }
    }

    /**
     * Does something on a thread with much stack: ONNX Runtime recurses deeply while it starts and reads a model, as
     * deep as the process's command line is long and the graph is nested, and what is left of a Java thread's
     * megabyte may not do. Beyond it the process would end.
     */
    private static <T> T deep(Callable<T> work, long longestMs) throws Exception {
        FutureTask<T> task = new FutureTask<>(work);
        Thread.ofPlatform()
                .daemon()
                .name("onnxruntime-load")
                .stackSize(STACK_BYTES)
                .start(task);
        try {
            return task.get(longestMs, TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Exception failed) {
                throw failed;
            }
            throw e;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while a model was loaded.", e);
        }
    }

    private static OnnxRuntimeModel loadHere(String what, Precision precision, Options options, Create create)
            throws IOException {
        String absence = absence();
        if (absence != null) {
            throw new IOException(absence);
        }
        try (OrtSession.SessionOptions with = new OrtSession.SessionOptions()) {
            with.setIntraOpNumThreads(options.threads());
            with.setInterOpNumThreads(1);
            with.setOptimizationLevel(options.level());
            with.setDeterministicCompute(true);
            // Threads that spin between requests would take the cores from the rest of a node.
            with.addConfigEntry("session.intra_op.allow_spinning", "0");
            with.addConfigEntry("session.use_env_allocators", "1");
            // Weights are there as long as the model is, and are not what a request makes large.
            with.addConfigEntry("session.use_device_allocator_for_initializers", "1");
            // What is constant is computed while a model is loaded, outside of the arena.
            with.addConfigEntry("optimization.constant_folding_max_output_size_in_bytes", MAX_FOLDED_BYTES);
            OrtSession session = create.with(with);
            String device = "cpu " + System.getProperty("os.arch") + " " + options.threads() + " threads";
            Fingerprint fingerprint =
                    new Fingerprint(OnnxRuntimeBackend.NAME, Runtime.ENVIRONMENT.getVersion(), device, precision, "");
            return new OnnxRuntimeModel(session, fingerprint);
        } catch (OrtException e) {
            throw new IOException("ONNX Runtime does not take " + what + ": " + said(e), e);
        }
    }

    OrtSession session() {
        return session;
    }

    /** What the model takes, weights left out. */
    List<TensorSpec> inputs() throws IOException {
        try {
            return specs(session.getInputInfo());
        } catch (OrtException e) {
            throw new IOException("ONNX Runtime cannot describe the model's inputs: " + e.getMessage(), e);
        }
    }

    /** What the model gives. */
    List<TensorSpec> outputs() throws IOException {
        try {
            return specs(session.getOutputInfo());
        } catch (OrtException e) {
            throw new IOException("ONNX Runtime cannot describe the model's outputs: " + e.getMessage(), e);
        }
    }

    private static List<TensorSpec> specs(Map<String, NodeInfo> infos) throws IOException {
        List<TensorSpec> specs = new ArrayList<>();
        for (NodeInfo info : infos.values()) {
            if (!(info.getInfo() instanceof TensorInfo tensor)) {
                throw new IOException(
                        "\"" + info.getName() + "\" is a sequence or a map; only tensors are served. Export"
                                + " the model with tensors in its place.");
            }
            if (tensor.type == OnnxJavaType.UNKNOWN) {
                throw new IOException("\"" + info.getName() + "\" is of type "
                        + tensor.onnxType.name().replaceAll(".*_", "")
                        + ", which ONNX Runtime's Java API cannot pass. Cast it to INT32 or INT64 in the model.");
            }
            long[] shape = tensor.getShape();
            String[] names = tensor.getDimensionNames();
            List<String> dimensions = new ArrayList<>();
            for (int i = 0; i < shape.length; i++) {
                boolean isNamed =
                        names[i] != null && !NO_NAMES.matcher(names[i]).matches();
                String name = isNamed ? names[i] : info.getName() + "." + i;
                dimensions.add(shape[i] >= 0 ? Long.toString(shape[i]) : name);
            }
            specs.add(new TensorSpec(info.getName(), typeOf(tensor), dimensions));
        }
        return specs;
    }

    /** The Java API gives unsigned integers the signed types' names, and ONNX's code beside them. */
    private static ElementType typeOf(TensorInfo info) {
        return switch (info.onnxType) {
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16 -> ElementType.UINT16;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32 -> ElementType.UINT32;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64 -> ElementType.UINT64;
            default -> typeOf(info.type);
        };
    }

    private static ElementType typeOf(OnnxJavaType type) {
        return switch (type) {
            case FLOAT -> ElementType.FP32;
            case DOUBLE -> ElementType.FP64;
            case INT8 -> ElementType.INT8;
            case INT16 -> ElementType.INT16;
            case INT32 -> ElementType.INT32;
            case INT64 -> ElementType.INT64;
            case BOOL -> ElementType.BOOL;
            case UINT8 -> ElementType.UINT8;
            case FLOAT16 -> ElementType.FP16;
            case BFLOAT16 -> ElementType.BF16;
            case STRING -> ElementType.BYTES;
            default -> throw new IllegalArgumentException("ONNX Runtime's type " + type + " is not known.");
        };
    }

    private static OnnxJavaType typeOf(ElementType type) {
        return Arrays.stream(OnnxJavaType.values())
                .filter(known -> known != OnnxJavaType.UNKNOWN && typeOf(known) == type)
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("ONNX Runtime does not take " + type + "."));
    }

    @Override
    public Fingerprint fingerprint() {
        return fingerprint;
    }

    @Override
    public int maxRows() {
        return Integer.MAX_VALUE;
    }

    @Override
    public List<Tensor> run(List<Tensor> inputs, List<String> outputs, Stop stop) throws IOException {
        try {
            return once(inputs, outputs, stop);
        } catch (MemoryException e) {
            // Runs before this one may have left the arena in pieces.
            Shrinking.shrink();
            return once(inputs, outputs, stop);
        }
    }

    /** All runs together may have no more memory. */
    private static final class MemoryException extends IOException {
        private static final long serialVersionUID = 1;

        MemoryException(OrtException why) {
            super(
                    "This host has no memory to run the model on these inputs: all runs have "
                            + OnnxRuntimeArena.limit() + " bytes. ONNX Runtime says: " + said(why),
                    why);
        }
    }

    /** Gives what the arena holds and nobody uses back. */
    private static final class Shrinking {
        /** y = x, a number: a run of it is all that ends with the arena's being shrunk. */
        private static final byte[] IDENTITY = HexFormat.of()
                .parseHex("0808420210113a2f0a100a0178120179220849" + "64656e74697479120173"
                        + "5a0b0a017812060a0408011200620b0a017912060a0408011200");

        private static OrtSession session;

        private Shrinking() {}

        static synchronized void shrink() throws IOException {
            try (OrtSession.RunOptions options = new OrtSession.RunOptions()) {
                if (session == null) {
                    session = load(IDENTITY, "a model of one node", Precision.FP32, Options.serving(1)).session;
                }
                options.addRunConfigEntry("memory.enable_memory_arena_shrinkage", "cpu:0");
                try (OnnxTensor x = OnnxTensor.createTensor(Runtime.ENVIRONMENT, 0f)) {
                    session.run(Map.of("x", x), options).close();
                }
            } catch (OrtException e) {
                throw new IOException("ONNX Runtime cannot give memory back: " + e.getMessage(), e);
            }
        }
    }

    private List<Tensor> once(List<Tensor> inputs, List<String> outputs, Stop stop) throws IOException {
        begin();
        try {
            return inSession(inputs, outputs, stop);
        } finally {
            end();
        }
    }

    private synchronized void begin() {
        if (isClosed) {
            throw new CancellationException("The model is closed.");
        }
        running++;
    }

    private synchronized void end() {
        running--;
        if (isClosed && running == 0) {
            release();
        }
    }

    private List<Tensor> inSession(List<Tensor> inputs, List<String> outputs, Stop stop) throws IOException {
        Map<String, OnnxTensor> given = new LinkedHashMap<>();
        try (OrtSession.RunOptions options = new OrtSession.RunOptions()) {
            options.setLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
            for (Tensor input : inputs) {
                given.put(input.name(), toOnnx(input));
            }
            stop.onStop(() -> terminate(options));
            try (OrtSession.Result result = session.run(given, new LinkedHashSet<>(outputs), options)) {
                List<Tensor> tensors = new ArrayList<>();
                long left = AnswerTooLargeException.MAX_BYTES;
                for (String name : outputs) {
                    Tensor tensor = fromOnnx(name, result.get(name).orElseThrow(), left);
                    tensors.add(tensor);
                    left -= tensor.data().length;
                }
                return tensors;
            } finally {
                stop.onStop(null);
            }
        } catch (OrtException e) {
            if (stop.isStopped()) {
                throw new CancellationException("The run was stopped.");
            }
            if (OUT_OF_MEMORY.matcher(String.valueOf(e.getMessage())).find()) {
                throw new MemoryException(e);
            }
            switch (e.getCode()) {
                case ORT_INVALID_ARGUMENT, ORT_FAIL, ORT_RUNTIME_EXCEPTION ->
                    throw new IllegalArgumentException(
                            "The model cannot be run on these inputs. ONNX Runtime says: " + said(e), e);
                default -> throw new IOException("ONNX Runtime failed: " + said(e), e);
            }
        } finally {
            given.values().forEach(OnnxTensor::close);
        }
    }

    /** An error on one line, without the places in its own source. */
    private static String said(OrtException e) {
        String message = String.valueOf(e.getMessage())
                .replaceAll("/onnxruntime_src/\\S+ .*?\\) (?=[A-Z])", "")
                .replaceAll("\\s+", " ")
                .strip();
        return message.length() <= MAX_SAID ? message : message.substring(0, MAX_SAID) + " ...";
    }

    private static void terminate(OrtSession.RunOptions options) {
        try {
            options.setTerminate(true);
        } catch (OrtException e) {
            throw new IllegalStateException("ONNX Runtime cannot be stopped: " + e.getMessage(), e);
        }
    }

    private static OnnxTensor toOnnx(Tensor tensor) throws OrtException, IOException {
        OrtEnvironment environment = Runtime.ENVIRONMENT;
        if (tensor.type() == ElementType.BYTES) {
            return OnnxTensor.createTensor(environment, tensor.texts(), tensor.shape());
        }
        ByteBuffer data = ByteBuffer.allocateDirect(tensor.data().length).order(ByteOrder.nativeOrder());
        data.put(tensor.data()).flip();
        ElementType signed = UnsignedTensors.signed(tensor.type());
        OnnxTensor made = OnnxTensor.createTensor(environment, data, tensor.shape(), typeOf(signed));
        return signed == tensor.type() ? made : UnsignedTensors.of(made, tensor.type());
    }

    /** @param left bytes that it may have: what no message carries is not copied. */
    private static Tensor fromOnnx(String name, OnnxValue value, long left) throws OrtException {
        OnnxTensor tensor = (OnnxTensor) value;
        long[] shape = tensor.getInfo().getShape();
        ElementType type = typeOf(tensor.getInfo());
        long elements = tensor.getInfo().getNumElements();
        int each = type == ElementType.BYTES ? 4 : type.bytes();
        if (elements < 0 || elements > left / each) {
            throw new AnswerTooLargeException(
                    name, shape, BigInteger.valueOf(elements).multiply(BigInteger.valueOf(each)) + "", left);
        }
        if (type == ElementType.BYTES) {
            return Tensor.ofStrings(name, shape, strings(tensor.getValue()));
        }
        ByteBuffer data = tensor.getByteBuffer();
        byte[] bytes = new byte[data.remaining()];
        data.get(bytes);
        return new Tensor(name, type, shape, bytes);
    }

    /** Strings come as arrays of arrays, or alone where there is one. */
    private static List<byte[]> strings(Object value) {
        List<byte[]> strings = new ArrayList<>();
        if (value instanceof Object[] array) {
            for (Object part : array) {
                strings.addAll(strings(part));
            }
        } else {
            strings.add(((String) value).getBytes(StandardCharsets.UTF_8));
        }
        return strings;
    }

    /** No run begins any more. What runs still needs the session, which ends with the last of them. */
    @Override
    public synchronized void close() {
        boolean isFirst = !isClosed;
        isClosed = true;
        if (isFirst && running == 0) {
            release();
        }
    }

    private void release() {
        try {
            session.close();
        } catch (OrtException e) {
            throw new IllegalStateException("ONNX Runtime cannot close a session: " + e.getMessage(), e);
        }
    }
}
