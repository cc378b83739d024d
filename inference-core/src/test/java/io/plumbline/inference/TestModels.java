package io.plumbline.inference;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Workers;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.importer.WeightBits;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.kernels.IntKernels;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.verifier.audit.Auditor;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.numerics.ExactMath;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** The trained models that tests run on, imported into a folder of the test's own. */
public final class TestModels {
    /** The model that ships. */
    public static final Path SHIPPED = Path.of("../models/plumbline-stories-2m");

    /** A model trained by others, with grouped queries and f32 weights. */
    public static final Path STORIES_260K = Path.of("../../shared/material/stories260K");

    private TestModels() {}

    public static LoadedModel load(Path source, Path folder) throws IOException {
        return load(source, WeightBits.INT8, folder);
    }

    public static LoadedModel load(Path source, WeightBits bits, Path folder) throws IOException {
        assumeTrue(Files.exists(source), "Skipped: no model at " + source);
        Path target = folder.resolve("imported-" + source.getFileName());
        ModelImport.run(source, target, bits, share -> {}, note -> {});
        return LoadedModel.open(target);
    }

    /** The model that ships with another chat template, which makes it another model. */
    public static LoadedModel shippedWith(String template, Path folder) throws IOException {
        Path source = folder.resolve("with-another-template");
        Files.createDirectories(source);
        try (Stream<Path> files = Files.list(SHIPPED)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, source.resolve(file.getFileName()));
            }
        }
        ObjectMapper mapper = new ObjectMapper();
        Path config = source.resolve("tokenizer_config.json");
        ObjectNode json = (ObjectNode) mapper.readTree(config.toFile());
        mapper.writeValue(config.toFile(), json.put("chat_template", template));
        return load(source, folder);
    }

    /**
     * The same with other control tokens, by whose names answers of other families are parted.
     *
     * @param controls at least three, of which the third ends an answer.
     */
    public static LoadedModel shippedWith(String template, List<String> controls, Path folder) throws IOException {
        Path source = folder.resolve("with-other-control-tokens");
        Files.createDirectories(source);
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode config = (ObjectNode)
                mapper.readTree(SHIPPED.resolve("tokenizer_config.json").toFile());
        ObjectNode tokenizer =
                (ObjectNode) mapper.readTree(SHIPPED.resolve("tokenizer.json").toFile());
        ArrayNode added = (ArrayNode) tokenizer.path("added_tokens");
        ObjectNode vocabulary = (ObjectNode) tokenizer.path("model").path("vocab");
        ArrayNode merges = (ArrayNode) tokenizer.path("model").path("merges");
        Map<Integer, String> names = new TreeMap<>(Comparator.reverseOrder());
        vocabulary.properties().forEach(one -> names.put(one.getValue().asInt(), one.getKey()));
        Iterator<Map.Entry<Integer, String>> rare = names.entrySet().iterator();
        for (int i = 0; i < controls.size(); i++) {
            ObjectNode control = i < added.size() ? (ObjectNode) added.get(i) : added.addObject();
            int id = i;
            if (i >= 3) {
                // Words that are a part of no other.
                String word;
                do {
                    Map.Entry<Integer, String> next = rare.next();
                    id = next.getKey();
                    word = next.getValue();
                } while (isPart(word, merges));
                remove(word, merges);
                control.setAll((ObjectNode) added.get(0));
            }
            vocabulary.remove(names.get(id));
            vocabulary.put(controls.get(i), id);
            control.put("id", id).put("content", controls.get(i));
        }
        mapper.writeValue(source.resolve("tokenizer.json").toFile(), tokenizer);
        mapper.writeValue(
                source.resolve("tokenizer_config.json").toFile(),
                config.put("eos_token", controls.get(2)).put("chat_template", template));
        for (String same : List.of("config.json", "model.safetensors")) {
            Files.copy(SHIPPED.resolve(same), source.resolve(same));
        }
        return load(source, folder);
    }

    private static boolean isPart(String word, ArrayNode merges) {
        for (JsonNode merge : merges) {
            if (List.of(merge.asText().split(" ")).contains(word)) {
                return true;
            }
        }
        return false;
    }

    private static void remove(String word, ArrayNode merges) {
        for (int i = merges.size() - 1; i >= 0; i--) {
            if (merges.get(i).asText().replace(" ", "").equals(word)) {
                merges.remove(i);
            }
        }
    }

    /** A model's layers, one of them with the weights of the next: what a cheating node might run. */
    public static List<LoadedModel.Layer> withSwap(LoadedModel model, int layer) {
        List<LoadedModel.Layer> swapped = new ArrayList<>(model.layers());
        swapped.set(layer, model.layers().get((layer + 1) % swapped.size()));
        return swapped;
    }

    /** The model on one thread, with given arithmetic. */
    public static ForwardPass forward(LoadedModel model, Supplier<IntKernels> kernels, Supplier<ExactMath> math) {
        return forward(model, model.layers(), new Backend("test", kernels, math));
    }

    /** The model on one thread, with the fastest arithmetic here. */
    public static ForwardPass forward(LoadedModel model) {
        return forward(model, model.layers(), Backend.best());
    }

    public static ForwardPass forward(LoadedModel model, List<LoadedModel.Layer> layers, Backend backend) {
        return new ForwardPass(model, layers, backend, new Workers(1));
    }

    /** An auditor with the key's own tokenizer. */
    public static Auditor auditor(VerifierKey key) throws IOException {
        return new Auditor(key, ChatTokenizer.of(key.tokenFiles()));
    }

    /** An answer with the text that its tokens have. */
    public static Answer answer(LoadedModel model, int[] tokens) {
        try (ChatTokenizer tokenizer = ChatTokenizer.of(model.tokenFiles())) {
            return new Answer(tokens, tokenizer.decode(tokens));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static Request request(LoadedModel model, int[] prompt, int maxTokens, Sampling sampling) {
        return new Request(
                model.id(),
                "",
                0,
                prompt,
                sampling,
                maxTokens,
                model.stopTokens(),
                List.of(),
                Bytes32.ZERO,
                new byte[16]);
    }
}
