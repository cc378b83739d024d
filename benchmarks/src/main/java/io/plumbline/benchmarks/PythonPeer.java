package io.plumbline.benchmarks;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.verifier.model.ModelConfig;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * The same shape in a program in Python, on the same GPU. It reports after each case, so that a later failure takes no
 * earlier reading along.
 */
final class PythonPeer {
    /** Compiled PyTorch. */
    static final String PYTORCH = "benchmarks/peers/pytorch/llama_speed.py";

    /** vLLM; says {@code absent} where it is not installed. */
    static final String VLLM = "benchmarks/peers/vllm/llama_speed.py";

    private final ObjectMapper mapper = new ObjectMapper();
    private final String script;
    private final String python;
    private final long mostSeconds;

    /**
     * @param script from the checkout's root.
     * @param python that has what the script needs for this GPU.
     * @param mostSeconds after which it is ended.
     */
    PythonPeer(String script, String python, long mostSeconds) {
        this.script = script;
        this.python = python;
        this.mostSeconds = mostSeconds;
    }

    /**
     * Runs it.
     *
     * @param each told all that is known, after each case.
     * @throws IOException saying how it ended, when that was not well; {@code each} was told of what came before.
     */
    void run(
            ModelConfig c,
            List<Integer> batches,
            List<Integer> prompts,
            int output,
            int rounds,
            Consumer<JsonNode> each)
            throws IOException, InterruptedException {
        ObjectNode shape = mapper.createObjectNode();
        shape.put("hidden", c.hidden()).put("layers", c.layers()).put("heads", c.heads());
        shape.put("kvHeads", c.kvHeads()).put("headDim", c.headDim()).put("mlp", c.mlp());
        shape.put("vocab", c.vocab()).put("output", output).put("rounds", rounds);
        shape.set("decode", mapper.valueToTree(batches));
        shape.set("prefill", mapper.valueToTree(prompts));
        Path file = Files.createTempFile("shape", ".json");
        try {
            Files.writeString(file, shape.toString());
            Process process = new ProcessBuilder(python, script, file.toString())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            // The peer holds the GPU: it must not outlive this process.
            Thread last = new Thread(() -> end(process));
            Runtime.getRuntime().addShutdownHook(last);
            AtomicBoolean isLate = new AtomicBoolean();
            Thread watch = Thread.ofVirtual().start(() -> endLate(process, isLate));
            try (BufferedReader lines = process.inputReader()) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    tell(line, each);
                }
            } catch (IOException e) {
                // The stream of a process that was ended may be closed while it is read.
            }
            int code = process.waitFor();
            watch.interrupt();
            Runtime.getRuntime().removeShutdownHook(last);
            if (code != 0 || isLate.get()) {
                throw new IOException((isLate.get()
                                ? "The peer was ended after its " + mostSeconds + " s"
                                : "The peer ended with " + code)
                        + "; what it said stands above. --python none goes without it.");
            }
        } finally {
            Files.delete(file);
        }
    }

    private static void end(Process process) {
        List<ProcessHandle> children = process.descendants().toList();
        // First, or it would go on when its children have ended.
        process.destroyForcibly();
        children.forEach(ProcessHandle::destroyForcibly);
    }

    private void endLate(Process process, AtomicBoolean isLate) {
        try {
            if (!process.waitFor(mostSeconds, TimeUnit.SECONDS)) {
                isLate.set(true);
                end(process);
            }
        } catch (InterruptedException e) {
            // It ended in time.
        }
    }

    private void tell(String line, Consumer<JsonNode> each) {
        try {
            JsonNode said = mapper.readTree(line);
            if (said.isObject()) {
                each.accept(said);
            }
        } catch (JsonProcessingException e) {
            System.err.println(line);
        }
    }
}
