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
import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Fingerprint;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** A session of ONNX Runtime. Sessions may be run by several threads at once. */
public final class OnnxRuntimeModel implements LoadedTensorModel {
    private static final long STACK_BYTES = 64 << 20;

    private final OrtSession session;
    private final Fingerprint fingerprint;

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

        private static OrtEnvironment environment() {
            return OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR, "plumbline");
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
            return deep(() -> Runtime.ENVIRONMENT) == null ? "it could not be started" : null;
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
        return load(
                file.toString(), precision, options, with -> Runtime.ENVIRONMENT.createSession(file.toString(), with));
    }

    /** @param what it is, for messages. */
    public static OnnxRuntimeModel load(byte[] model, String what, Precision precision, Options options)
            throws IOException {
        return load(what, precision, options, with -> Runtime.ENVIRONMENT.createSession(model, with));
    }

    private static OnnxRuntimeModel load(String what, Precision precision, Options options, Create create)
            throws IOException {
        try {
            return deep(() -> loadHere(what, precision, options, create));
        } catch (IOException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException("ONNX Runtime failed unexpectedly: " + e, e);
        }
    }

    /**
     * Does something on a thread with much stack: ONNX Runtime recurses deeply while it starts and reads a model, as deep as the process's command
     * line is long and the graph is nested, and what is left of a Java thread's megabyte may not do. Beyond it the process would end.
     */
    private static <T> T deep(Callable<T> work) throws Exception {
        FutureTask<T> task = new FutureTask<>(work);
        Thread thread = Thread.ofPlatform()
                .name("onnxruntime-load")
                .stackSize(STACK_BYTES)
                .start(task);
        try {
            thread.join();
            return task.get();
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
            OrtSession session = create.with(with);
            String device = "cpu " + System.getProperty("os.arch") + " " + options.threads() + " threads";
            Fingerprint fingerprint =
                    new Fingerprint(OnnxRuntimeBackend.NAME, Runtime.ENVIRONMENT.getVersion(), device, precision, "");
            return new OnnxRuntimeModel(session, fingerprint);
        } catch (OrtException e) {
            throw new IOException("ONNX Runtime does not take " + what + ": " + e.getMessage(), e);
        }
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
                String name = names[i] == null || names[i].isEmpty() ? TensorSpec.ANY : names[i];
                dimensions.add(shape[i] >= 0 ? Long.toString(shape[i]) : name);
            }
            specs.add(new TensorSpec(info.getName(), typeOf(tensor.type), dimensions));
        }
        return specs;
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
        Map<String, OnnxTensor> given = new LinkedHashMap<>();
        try (OrtSession.RunOptions options = new OrtSession.RunOptions()) {
            for (Tensor input : inputs) {
                given.put(input.name(), toOnnx(input));
            }
            stop.onStop(() -> terminate(options));
            try (OrtSession.Result result = session.run(given, new LinkedHashSet<>(outputs), options)) {
                List<Tensor> tensors = new ArrayList<>();
                for (String name : outputs) {
                    tensors.add(fromOnnx(name, result.get(name).orElseThrow()));
                }
                return tensors;
            } finally {
                stop.onStop(null);
            }
        } catch (OrtException e) {
            if (stop.isStopped()) {
                throw new CancellationException("The run was stopped.");
            }
            switch (e.getCode()) {
                case ORT_INVALID_ARGUMENT, ORT_FAIL, ORT_RUNTIME_EXCEPTION ->
                    throw new IllegalArgumentException(
                            "The model cannot be run on these inputs. ONNX Runtime says: " + e.getMessage(), e);
                default -> throw new IOException("ONNX Runtime failed: " + e.getMessage(), e);
            }
        } finally {
            given.values().forEach(OnnxTensor::close);
        }
    }

    private static void terminate(OrtSession.RunOptions options) {
        try {
            options.setTerminate(true);
        } catch (OrtException e) {
            throw new IllegalStateException("ONNX Runtime cannot be stopped: " + e.getMessage(), e);
        }
    }

    private static OnnxTensor toOnnx(Tensor tensor) throws OrtException {
        OrtEnvironment environment = Runtime.ENVIRONMENT;
        if (tensor.type() == ElementType.BYTES) {
            return OnnxTensor.createTensor(environment, tensor.texts(), tensor.shape());
        }
        ByteBuffer data = ByteBuffer.allocateDirect(tensor.data().length).order(ByteOrder.nativeOrder());
        data.put(tensor.data()).flip();
        return OnnxTensor.createTensor(environment, data, tensor.shape(), typeOf(tensor.type()));
    }

    private static Tensor fromOnnx(String name, OnnxValue value) throws OrtException {
        OnnxTensor tensor = (OnnxTensor) value;
        long[] shape = tensor.getInfo().getShape();
        ElementType type = typeOf(tensor.getInfo().type);
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

    @Override
    public void close() {
        try {
            session.close();
        } catch (OrtException e) {
            throw new IllegalStateException("ONNX Runtime cannot close a session: " + e.getMessage(), e);
        }
    }
}
