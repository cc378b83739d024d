package io.plumbline.node.inference;

import com.sun.management.OperatingSystemMXBean;
import io.plumbline.inference.language.engine.Accelerator;
import io.plumbline.inference.language.engine.Device;
import io.plumbline.inference.language.engine.DeviceHealth;
import io.plumbline.inference.language.engine.Engine;
import io.plumbline.inference.language.engine.Executor;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.KvCache;
import io.plumbline.inference.language.engine.SelfTest;
import io.plumbline.inference.language.engine.Workers;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Terminal;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import me.tongfei.progressbar.ProgressBar;

/**
 * What an inference node computes with: a device where there is one, else this host's processors. Nothing is served
 * before a start-up test has found it equal to the specification.
 */
public final class ComputeBackend implements AutoCloseable {
    private static final int SELF_TEST_TOKENS = 4;

    /** Enough prompt tokens for every kernel that a processor has, and a device. */
    private static final int SELF_TEST_PROMPT = 24;

    /**
     * Four whole pages and a token: more rows than a device hashes beside its layers, and more pages than it holds in
     * shared memory at once. The pages are shared, so that all sequences of the test decode together from its first
     * step.
     */
    private static final int DEVICE_SELF_TEST_PROMPT = 4 * KvCache.TOKENS + 1;

    private final LoadedModel model;
    private final Accelerator.Loaded device;
    private final Executor serving;
    private final Executor replaying;
    private final ForwardPass cells;
    private final ForwardPass forOthers;
    private final Engine.Limits limits;

    /**
     * What was asked for.
     *
     * @param device "auto", "cpu", "gpu", or the name of a device, see {@link Device#isName}.
     * @param threads that compute on processors.
     * @param cacheBytes memory for keys and values; 0 for what suits.
     * @param drafts most tokens of an answer that are computed ahead on a guess; 0 for none.
     * @param sharing language models that this host runs side by side, this one among them, 1 or more.
     * @param batchRows rows of a prompt in a step on processors; 0 for the usual.
     */
    public record Choice(String device, int threads, long cacheBytes, int drafts, int sharing, int batchRows) {
        /** Of the one language model of a host. */
        public Choice(String device, int threads, long cacheBytes, int drafts) {
            this(device, threads, cacheBytes, drafts, 1, 0);
        }

        /** The same of one of several language models that share the host. */
        public Choice sharedBy(int models) {
            return new Choice(device, threads, cacheBytes, drafts, Math.max(1, models), batchRows);
        }

        /** The same with other rows of a prompt in a step on processors; 0 for the usual. */
        public Choice withBatchRows(int rows) {
            return new Choice(device, threads, cacheBytes, drafts, sharing, rows);
        }

        /**
         * Checks the option {@code --device}.
         *
         * @throws IOException when it names no device.
         */
        public static void requireDevice(String device) throws IOException {
            if (!device.matches("auto|cpu|gpu") && !Device.isName(device)) {
                throw new IOException("--device is auto, cpu, gpu, or a GPU's UUID (GPU-... or MIG-...), PCI bus id or"
                        + " index, not " + device + "; plumbline devices names them.");
            }
        }

        public static Choice cpu(int threads, long cacheBytes) {
            return new Choice("cpu", threads, cacheBytes, Engine.Limits.DRAFTS);
        }
    }

    /**
     * @param layers to run, the model's own in an honest node.
     * @param events hears which device it is, or in one line why none.
     * @throws IOException when what was asked for is not there, or does not equal the specification.
     */
    ComputeBackend(LoadedModel model, List<LoadedModel.Layer> layers, Choice choice, Events events) throws IOException {
        this.model = model;
        Backend backend = Backend.best();
        this.device = choice.device().equals("cpu") ? null : load(layers, choice, events);
        if (device != null && choice.sharing() > 1 && choice.cacheBytes() == 0) {
            device.close();
            throw new IOException("Several language models share a GPU: say with --cache-mib what each of them may have"
                    + " for keys and values.");
        }
        Engine.Limits suited = (device == null
                        ? Engine.Limits.of(hostMemory() / 4 / choice.sharing())
                        : device.limits())
                .withDrafts(choice.drafts());
        Engine.Limits batched =
                device == null && choice.batchRows() > 0 ? suited.withBatchRows(choice.batchRows()) : suited;
        this.limits = choice.cacheBytes() == 0 ? batched : batched.withCache(choice.cacheBytes());
        List<AutoCloseable> taken = new ArrayList<>();
        if (device != null) {
            taken.add(device);
        }
        try {
            this.cells = new ForwardPass(model, layers, backend, new Workers(choice.threads()));
            taken.add(cells);
            this.forOthers = new ForwardPass(model, layers, backend, new Workers(Math.max(1, choice.threads() / 4)));
            taken.add(forOthers);
            if (device == null) {
                this.replaying = cells;
                this.serving = new ForwardPass(model, layers, backend, new Workers(choice.threads()));
            } else {
                this.replaying = device.executor(Generator.PREFILL_BLOCK, 1);
                taken.add(replaying);
                this.serving = device.executor(limits.batchRows() + limits.maxSequences(), limits.maxSequences());
            }
            taken.add(serving);
            selfTest(backend, layers);
        } catch (IOException | RuntimeException e) {
            closeAfter(e, taken.reversed());
            throw e;
        }
        events.emit(new Event.Computes(serving.name(), limits.cacheBytes() >> 20));
    }

    private static void closeAfter(Exception why, List<AutoCloseable> taken) {
        for (AutoCloseable one : taken) {
            try {
                one.close();
            } catch (Exception e) {
                why.addSuppressed(e);
            }
        }
    }

    private static long hostMemory() {
        return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
    }

    private Accelerator.Loaded load(List<LoadedModel.Layer> layers, Choice choice, Events events) throws IOException {
        boolean wanted = !choice.device().equals("auto");
        String why = "no accelerator is on the class path";
        for (Accelerator accelerator : Accelerator.all()) {
            accelerator.select(choice.device());
            Accelerator.Found found = accelerator.find();
            if (found.devices().isEmpty()) {
                why = found.why();
                continue;
            }
            int index = Device.find(found.devices(), choice.device());
            String warning = Accelerator.warning(choice.device());
            if (warning != null) {
                events.emit(new Event.Warning(warning));
            }
            try (ProgressBar bar =
                    Terminal.progress("Weights to " + found.devices().get(index).name())) {
                return accelerator.load(index, model, layers, share -> bar.stepTo(Math.round(share * 100)));
            }
        }
        if (wanted) {
            throw new IOException("No GPU can be used: " + why + ". Start with --device cpu to compute on processors.");
        }
        String reason = why;
        events.emit(new Event.NoGpu(reason));
        return null;
    }

    /** It also warms the compiler. */
    private void selfTest(Backend backend, List<LoadedModel.Layer> layers) throws IOException {
        if (device == null && backend == Backend.SCALAR) {
            return;
        }
        // On a device the reference is the processors' fastest way, for a large model would keep the specification busy
        // for minutes.
        Backend reference = device == null ? Backend.SCALAR : backend;
        Request request = selfTestRequest(device == null ? SELF_TEST_PROMPT : DEVICE_SELF_TEST_PROMPT);
        byte[] expected;
        try (ForwardPass forward = new ForwardPass(model, layers, reference, Workers.ofHost())) {
            expected = root(forward, request);
        }
        if (!Arrays.equals(expected, root(replaying, request))) {
            throw differs("");
        }
        if (device == null) {
            return;
        }
        // Other kernels run for other numbers of sequences, and each of them will serve.
        int pages =
                Math.toIntExact(Math.min(Integer.MAX_VALUE, limits.cacheBytes() / KvCache.pageBytes(model.config())));
        OptionalInt sequences = SelfTest.differs(
                serving, request, Bytes32.ZERO, expected, limits.batchRows(), limits.maxSequences(), pages);
        if (sequences.isPresent()) {
            throw differs(" with " + sequences.getAsInt() + " answers at once");
        }
    }

    private IOException differs(String when) {
        return new IOException("What " + replaying.name() + " computes" + when
                + " does not equal the specification on this host. "
                + (device == null
                        ? "Start with JAVA_TOOL_OPTIONS=\"-Dplumbline.native=false -Dplumbline.vector=false\""
                        : "Start with --device cpu")
                + " and report it.");
    }

    private Request selfTestRequest(int tokens) {
        int[] prompt = new int[Math.min(tokens, model.config().maxPositions() / 2)];
        for (int i = 0; i < prompt.length; i++) {
            prompt[i] = (i * 37 + 5) % model.config().vocab();
        }
        int most = Math.min(SELF_TEST_TOKENS, model.config().maxPositions() - prompt.length);
        return new Request(
                model.id(), "", 0, prompt, Sampling.GREEDY, most, new int[0], List.of(), Bytes32.ZERO, new byte[16]);
    }

    private static byte[] root(Executor executor, Request request) {
        return new Generator(executor, Bytes32.ZERO)
                .generate(request, token -> {})
                .traceRoot();
    }

    /**
     * What is asked whether the device has failed: a new one, which the caller closes; null where processors compute.
     *
     * @throws IOException in a line why nothing can be asked on this host.
     */
    DeviceHealth health() throws IOException {
        return device == null ? null : device.health();
    }

    /** For the engine, which closes it. */
    Executor serving() {
        return serving;
    }

    /** Runs whole answers again. */
    Executor replaying() {
        return replaying;
    }

    /** Runs single layers again, over a cell's few tokens. */
    ForwardPass cells() {
        return cells;
    }

    /** Runs answers and layers again for whoever is no auditor: with little of the host. */
    ForwardPass forOthers() {
        return forOthers;
    }

    Engine.Limits limits() {
        return limits;
    }

    /** The backend that it computes with, for a person. */
    public String describe() {
        return serving.name();
    }

    /** The room that there is, for a person: sequences, their tokens and memory, and the context of one. */
    public String capacity() {
        long tokens = limits.cacheBytes() / KvCache.pageBytes(model.config()) * KvCache.TOKENS;
        return limits.maxSequences() + " answers at once; " + tokens + " tokens of all together, in "
                + (limits.cacheBytes() >> 20) + " MiB of keys and values" + states() + "; "
                + model.config().maxPositions()
                + " tokens of context in one; "
                + (limits.drafts() == 0 || hasStates() ? "no token" : "up to " + limits.drafts() + " tokens")
                + " ahead on a guess";
    }

    private boolean hasStates() {
        return model.config().linearLayers() > 0;
    }

    /** Memory that answers take beside keys and values, for a person. */
    private String states() {
        long bytes = KvCache.stateBytes(model.config());
        return hasStates() ? ", of which an answer takes " + ((bytes >> 20) + 1) + " for its states" : "";
    }

    /** After the engine. */
    @Override
    public void close() {
        if (replaying != cells) {
            replaying.close();
        }
        cells.close();
        forOthers.close();
        if (device != null) {
            device.close();
        }
    }
}
