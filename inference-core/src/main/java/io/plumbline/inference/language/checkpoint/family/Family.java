package io.plumbline.inference.language.checkpoint.family;

import io.plumbline.verifier.model.ModelConfig;
import java.io.IOException;
import java.util.List;

/** A family of models that are described, named and stored alike. */
public interface Family {
    /** All of them. Adding one is adding a file, and its line here. */
    List<Family> ALL = List.of(
            new Llama(),
            new Mistral(),
            new Mixtral(),
            new Qwen(),
            new QwenMoe(),
            new QwenDelta(),
            new Gemma(),
            new Gemma4(),
            new Phi(),
            new Olmo(),
            new OlmoMoe(),
            new SmolLm(),
            new Granite(),
            new Glm(),
            new GlmMoe(),
            new Exaone(),
            new GptOss());

    /** Names of its architectures in config.json. */
    List<String> architectures();

    /** Reads what a config.json describes. */
    Description read(String architecture, ConfigFields fields) throws IOException;

    /** Where the tensors of a description stand. */
    interface Places {
        /** The place of a tensor by its name in {@link io.plumbline.verifier.model.TensorNames}. */
        TensorPlace of(String name);

        /** The places of its parts, one below the other and of as many rows each, where it stands in more than one. */
        default List<TensorPlace> parts(String name) {
            return List.of(of(name));
        }
    }

    /**
     * A model as its family's files describe it.
     *
     * @param leftOut prefixes of tensors that belong to parts that are not run: vision and others.
     */
    record Description(ModelConfig model, Places places, List<String> leftOut) {
        /** With tensors of this project's own names and values. */
        public Description(ModelConfig model) {
            this(model, TensorPlace::of, List.of());
        }

        Description(ModelConfig model, Places places) {
            this(model, places, List.of());
        }
    }

    /** The family of an architecture, or null. */
    static Family of(String architecture) {
        return ALL.stream()
                .filter(family -> family.architectures().contains(architecture))
                .findFirst()
                .orElse(null);
    }

    /** All architectures, for messages. */
    static String names() {
        return String.join(
                ", ",
                ALL.stream().flatMap(family -> family.architectures().stream()).toList());
    }
}
