package io.plumbline.inference.language.checkpoint;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.checkpoint.family.ConfigFields;
import io.plumbline.inference.language.checkpoint.family.Family;
import io.plumbline.inference.language.checkpoint.family.TensorPlace;
import io.plumbline.verifier.model.ModelConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;

/**
 * What a Hugging Face {@code config.json} says, as far as exact inference needs it. What cannot be run exactly is
 * refused by name.
 *
 * @param description of the model, and where its tensors stand.
 * @param isCanonical whether it is that of an imported folder.
 * @param tied whether the output matrix is the embedding.
 * @param quantization of the matrices.
 * @param stopTokens end-of-text ids, ascending.
 */
public record HuggingFaceConfig(
        Family.Description description,
        boolean isCanonical,
        boolean tied,
        Quantization quantization,
        int[] stopTokens) {
    /** The method of quantization that an imported folder of four bits names. */
    public static final String FOUR_BITS = "plumbline-int4";

    /** Files of a model's folder that are read here, the second where there is one. */
    public static final List<String> FILES = List.of("config.json", "generation_config.json");

    /** Python writes NaN and Infinity, which matter where a field is used. */
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .build();

    /** Set where a folder was imported: its tensors are those of this project's description, by name and value. */
    public static final String IS_CANONICAL = "plumbline_canonical";

    /** Bytes of a configuration file; those of models have some thousands. */
    private static final int MAX_BYTES = 1 << 20;

    /** Reads {@code folder/config.json}; end-of-text ids of generation_config.json join its own. */
    public static ObjectNode json(Path folder) throws IOException {
        ModelFolder inside = new ModelFolder(folder);
        if (!inside.has("config.json")) {
            throw new IOException(folder.resolve("config.json")
                    + " does not exist. A model is a folder with config.json, tokenizer.json and model.safetensors.");
        }
        ObjectNode json = read(inside, "config.json");
        if (inside.has("generation_config.json")) {
            TreeSet<Integer> stops = new TreeSet<>();
            addStops(stops, json);
            addStops(stops, read(inside, "generation_config.json"));
            ArrayNode all = json.putArray("eos_token_id");
            stops.forEach(all::add);
        }
        return json;
    }

    private static ObjectNode read(ModelFolder inside, String name) throws IOException {
        byte[] bytes = ModelFolder.bytes(inside.file(name), MAX_BYTES);
        Path file = inside.path().resolve(name);
        try {
            if (JSON.readTree(bytes) instanceof ObjectNode object) {
                return object;
            }
            throw new IOException(file + " is not a JSON object. Download it again. Nothing was loaded.");
        } catch (JacksonException e) {
            JsonLocation at = e.getLocation();
            throw new IOException(
                    file + " is not JSON"
                            + (at == null ? "" : ": line " + at.getLineNr() + ", column " + at.getColumnNr())
                            + ". Download it again. Nothing was loaded.",
                    e);
        }
    }

    /** Understands a checkpoint's. */
    public static HuggingFaceConfig of(Checkpoint checkpoint) throws IOException {
        HuggingFaceConfig read = parse(checkpoint.config(), checkpoint.origin());
        if (!checkpoint.hasCanonicalTensors()) {
            return read;
        }
        // Multipliers of residuals and logits are kept apart from what they multiply everywhere.
        Family.Places family = read.description.places();
        Family.Description description = new Family.Description(
                read.model(), name -> TensorPlace.of(name).times(family.of(name).factor()), checkpoint.leftOut());
        return new HuggingFaceConfig(description, false, read.tied, read.quantization, read.stopTokens);
    }

    /**
     * Understands {@code json}.
     *
     * @param origin file or folder, for messages.
     */
    public static HuggingFaceConfig parse(JsonNode json, String origin) throws IOException {
        String architecture = json.path("architectures")
                .path(0)
                .asText(json.path("model_type").asText("unknown"));
        ConfigFields fields = new ConfigFields(json, origin);
        Family family = Family.of(architecture);
        if (family == null) {
            throw fields.unsupported("architecture " + architecture, Family.names() + " are");
        }
        try {
            Family.Description description = family.read(architecture, fields);
            fields.refuseWhatIsNotRead(architecture, description.model().qkNorm());
            if (json.path(IS_CANONICAL).asBoolean(false)) {
                description = new Family.Description(description.model());
            }
            TreeSet<Integer> stops = new TreeSet<>();
            addStops(stops, json);
            return new HuggingFaceConfig(
                    description,
                    json.path(IS_CANONICAL).asBoolean(false),
                    isTied(architecture, json, fields),
                    quantization(fields, json.path("quantization_config")),
                    stops.stream().mapToInt(Integer::intValue).toArray());
        } catch (IllegalArgumentException e) {
            throw new IOException(origin + ": " + e.getMessage() + " Nothing was loaded.", e);
        }
    }

    /** Where a file does not say, as transformers has it: not, but for Gemma's and SmolLM3's. */
    private static boolean isTied(String architecture, JsonNode json, ConfigFields fields) throws IOException {
        boolean usual = architecture.startsWith("Gemma") || architecture.startsWith("SmolLM3");
        // A file that describes a text part by itself may say so there alone.
        usual = json.path("text_config").path("tie_word_embeddings").asBoolean(usual);
        return fields.flag("tie_word_embeddings", usual);
    }

    /** Shape and arithmetic. */
    public ModelConfig model() {
        return description.model();
    }

    private static Quantization quantization(ConfigFields fields, JsonNode quantization) throws IOException {
        if (quantization.path("quant_method").asText().equals(FOUR_BITS)) {
            return Quantization.INT4;
        }
        if (!quantization.isObject() || fields.hasReadQuantization()) {
            return Quantization.NONE;
        }
        String method = quantization
                .path("quant_method")
                .asText(
                        quantization.has("group_size")
                                ? "of MLX, " + quantization.path("bits").asText() + " bits,"
                                : "unknown");
        String format = quantization.path("format").asText("unknown");
        if (!method.equals("compressed-tensors") || !format.equals("int-quantized")) {
            throw fields.unsupported(
                    "quantization " + method + " " + format, "compressed-tensors int-quantized, 8 bits, is");
        }
        for (String more : List.of("transform_config", "kv_cache_scheme", "sparsity_config")) {
            JsonNode value = quantization.path(more);
            boolean isDense = value.path("format").asText("").equals("dense");
            if (value.isContainerNode() && !value.isEmpty() && !isDense) {
                throw fields.unsupported("compressed-tensors with a " + more, "without it is");
            }
        }
        for (JsonNode group : quantization.path("config_groups")) {
            JsonNode weights = group.path("weights");
            JsonNode inputs = group.path("input_activations");
            boolean exact = weights.path("num_bits").asInt() == 8
                    && weights.path("symmetric").asBoolean()
                    && weights.path("strategy").asText().equals("channel")
                    && inputs.path("num_bits").asInt() == 8
                    && inputs.path("symmetric").asBoolean()
                    && inputs.path("dynamic").asBoolean()
                    && inputs.path("strategy").asText().equals("token");
            if (!exact) {
                throw fields.unsupported(
                        "this kind of compressed-tensors",
                        "symmetric 8 bits with a scale a channel for weights and a dynamic one a token for inputs is");
            }
        }
        return Quantization.INT8;
    }

    private static void addStops(TreeSet<Integer> stops, JsonNode json) {
        JsonNode eos = json.path("eos_token_id");
        if (eos.isInt()) {
            stops.add(eos.asInt());
        }
        for (JsonNode id : eos) {
            stops.add(id.asInt());
        }
    }
}
