package io.plumbline.node.inference;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.plumbline.inference.language.engine.Engine;
import io.plumbline.node.metrics.TokenTimes;

/** The metrics of a language model's engine. */
public final class LanguageMetrics {
    private final TokenTimes times;
    private final Counter promptTokens;
    private final Counter generationTokens;
    private final Counter answered;
    private final Counter cancelled;
    private final Counter failed;

    /**
     * Declares them.
     *
     * @param model id that tells several models of one process apart.
     * @param engine that is read; null where only their names are wanted.
     */
    public LanguageMetrics(MeterRegistry registry, String model, Engine engine) {
        Tags tags = Tags.of("model", model);
        times = new TokenTimes(registry, "plumbline", "as the engine computes it", tags);
        promptTokens = Counter.builder("plumbline.prompt.tokens")
                .description("Tokens of prompts whose answers are whole, computed or found among shared prefixes")
                .tags(tags)
                .register(registry);
        generationTokens = Counter.builder("plumbline.generation.tokens")
                .description("Tokens of answers that are whole")
                .tags(tags)
                .register(registry);
        answered = requests(registry, tags, "answered");
        cancelled = requests(registry, tags, "cancelled");
        failed = requests(registry, tags, "failed");
        gauge(
                registry,
                tags,
                "plumbline.num.requests.running",
                "Answers that share the step under way: the batch",
                engine,
                Engine::running);
        gauge(
                registry,
                tags,
                "plumbline.num.requests.waiting",
                "Requests that wait for their first step: the queue",
                engine,
                Engine::queued);
        gauge(
                registry,
                tags,
                "plumbline.kv.pages.used",
                "Pages of keys and values that are promised to answers in progress",
                engine,
                Engine::pagesReserved);
        gauge(
                registry,
                tags,
                "plumbline.kv.pages.capacity",
                "Pages of keys and values that there are",
                engine,
                Engine::pageCapacity);
        FunctionCounter.builder("plumbline.engine.steps", registry, its -> engine == null ? 0 : engine.steps())
                .description("Steps that the engine has run, those of its watchdog among them")
                .tags(tags)
                .register(registry);
        FunctionCounter.builder(
                        "plumbline.prefix.reused.tokens", registry, its -> engine == null ? 0 : engine.reusedTokens())
                .description("Prompt tokens that were not computed again because another request began alike")
                .tags(tags)
                .register(registry);
        FunctionCounter.builder(
                        "plumbline.spec.decode.draft.tokens",
                        registry,
                        its -> engine == null ? 0 : engine.draftedTokens())
                .description("Tokens that were computed ahead on a guess")
                .tags(tags)
                .register(registry);
        FunctionCounter.builder(
                        "plumbline.spec.decode.accepted.tokens",
                        registry,
                        its -> engine == null ? 0 : engine.acceptedTokens())
                .description("Tokens that were computed ahead on a guess, and that answers went on with")
                .tags(tags)
                .register(registry);
    }

    private interface Reading {
        double of(Engine engine);
    }

    private static void gauge(
            MeterRegistry registry, Tags tags, String name, String help, Engine engine, Reading reading) {
        Gauge.builder(name, () -> engine == null ? 0 : reading.of(engine))
                .description(help)
                .tags(tags)
                .register(registry);
    }

    private static Counter requests(MeterRegistry registry, Tags tags, String outcome) {
        return Counter.builder("plumbline.requests")
                .description("Requests to the engine by what became of them")
                .tag("outcome", outcome)
                .tags(tags)
                .register(registry);
    }

    /** A request begins to wait for its first token. */
    TokenTimes.Answer begin() {
        return times.begin();
    }

    /** An answer is whole. */
    void answered(int prompt, int output, boolean isCancelled) {
        promptTokens.increment(prompt);
        generationTokens.increment(output);
        (isCancelled ? cancelled : answered).increment();
    }

    /** There is no answer. */
    void failed() {
        failed.increment();
    }
}
