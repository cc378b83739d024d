package io.plumbline.inference.language.checkpoint;

import java.util.Arrays;
import java.util.stream.Collectors;

/** Architectures that run exactly. TinyLlama and SmolLM are Llama by another name. */
enum Family {
    LLAMA("LlamaForCausalLM", false, false),
    MISTRAL("MistralForCausalLM", false, false),
    QWEN2("Qwen2ForCausalLM", true, false),
    QWEN3("Qwen3ForCausalLM", false, true);

    private final String architecture;
    private final boolean qkvBias;
    private final boolean qkNorm;

    Family(String architecture, boolean qkvBias, boolean qkNorm) {
        this.architecture = architecture;
        this.qkvBias = qkvBias;
        this.qkNorm = qkNorm;
    }

    String architecture() {
        return architecture;
    }

    boolean qkvBias() {
        return qkvBias;
    }

    boolean qkNorm() {
        return qkNorm;
    }

    /** The family of that name in config.json, or null. */
    static Family of(String architecture) {
        return Arrays.stream(values())
                .filter(family -> family.architecture.equals(architecture))
                .findFirst()
                .orElse(null);
    }

    static String all() {
        return Arrays.stream(values()).map(Family::architecture).collect(Collectors.joining(", "));
    }
}
