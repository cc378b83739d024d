package io.plumbline.inference.language.engine;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.synthetic.RandomModel;
import io.plumbline.verifier.choice.ChoiceRule;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Gains and losses of guesses, by the clock of a host whose rows cost what the test says: no time is measured. What the
 * engine is told of it is as noisy as on a host that does other work.
 */
class SpeculationCostTest {
    private static final double STEP_NANOS = 1e7;

    /** From weights that are read from memory, where rows are nearly free, to a model where each is another step. */
    private static final double[] SHARES = {0.02, 0.1, 0.2, 0.4, 0.7, 1};

    @TempDir
    static Path folder;

    private static ModelConfig config;
    private static Bytes32 modelId;

    @BeforeAll
    static void load() throws IOException {
        RandomModel.Shape roomy =
                new RandomModel.Shape("LlamaForCausalLM", 32, 1, 2, 1, 16, 32, 320, 1 << 15, "F32", true, 0, 1);
        Path source = folder.resolve("roomy");
        RandomModel.write(roomy, 1, source, share -> {});
        try (LoadedModel model = TestModels.load(source, folder)) {
            config = model.config();
            modelId = model.id();
        }
    }

    /** The text's words as tokens. */
    private static int[] words(String text) {
        Map<String, Integer> ids = new HashMap<>();
        return Stream.of(text.split("\\W+"))
                .mapToInt(word -> ids.computeIfAbsent(word, other -> ids.size()))
                .toArray();
    }

    private static double speedUp(int[] text, int prompt, double share) {
        return speedUp(text, prompt, share, 0);
    }

    /**
     * How many times as fast as without guesses an answer is decoded.
     *
     * @param share what a row more takes, of a step of one row.
     * @param first what a step takes besides where it has more than one row, as on a device that launches it otherwise.
     */
    private static double speedUp(int[] text, int prompt, double share, double first) {
        Request request = new Request(
                modelId,
                "",
                0,
                Arrays.copyOf(text, prompt),
                Sampling.GREEDY,
                text.length - prompt,
                new int[0],
                List.of(),
                Bytes32.ZERO,
                new byte[16]);
        Sequence sequence = new Sequence(
                ChoiceRule.of(request, null),
                config,
                KvCache.ofHost(config, 0).sequence(),
                new byte[32],
                (token, logits, offset) -> false,
                () -> false,
                PromptLookup::new);
        DraftPlan plan = new DraftPlan(Engine.Limits.DRAFTS, new StepCost());
        Random noise = new Random(1);
        double slower = 1;
        sequence.advance(prompt - 1);
        double time = 0;
        while (!sequence.isFinished()) {
            plan.plan(List.of(sequence), 256);
            int rows = 1 + plan.drafts(0);
            double took = 1 + share * (rows - 1) + (rows > 1 ? first : 0);
            time += took;
            if (noise.nextInt(40) == 0) {
                slower = noise.nextBoolean() ? 1 : 1 + 1.5 * noise.nextDouble();
            }
            double pause = noise.nextInt(10) == 0 ? 1 + 4 * noise.nextDouble() : 1;
            plan.ran(rows, (long) (STEP_NANOS * took * slower * pause * (0.9 + 0.2 * noise.nextDouble())));
            boolean goesOn = true;
            for (int row = 0; row < rows && goesOn; row++) {
                sequence.advance(1);
                int chosen = text[sequence.position()];
                goesOn = row + 1 < rows && sequence.token(sequence.position()) == chosen;
                sequence.accept(chosen, null, 0);
            }
        }
        return (text.length - prompt) / time;
    }

    @Test
    void textThatDoesNotRepeatItselfLosesLittle() throws IOException {
        int[] license = words(Files.readString(Path.of("../LICENSE")));
        Random dice = new Random(2);
        for (double share : SHARES) {
            for (int symbols : new int[] {2, 4, 8, 30, 1000}) {
                double random = speedUp(dice.ints(6_000, 0, symbols).toArray(), 10, share);
                assertTrue(random > 0.97, symbols + " symbols, share " + share + ": " + random);
            }
            for (double first : new double[] {0.3, 1, 2}) {
                double chance = speedUp(dice.ints(6_000, 0, 4).toArray(), 10, share, first);
                assertTrue(chance > 0.97, "share " + share + ", first " + first + ": " + chance);
                double prose = speedUp(license, 10, share, first);
                assertTrue(prose > 0.97, "prose, share " + share + ", first " + first + ": " + prose);
            }
            double prose = speedUp(license, 10, share);
            assertTrue(prose > 0.97, "prose, share " + share + ": " + prose);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {10, 30, 100})
    void anEditOfThePromptIsFaster(int every) throws IOException {
        int[] license = words(Files.readString(Path.of("../LICENSE")));
        Random dice = new Random(3);
        int[] text = Arrays.copyOf(license, 2 * license.length);
        for (int i = 0; i < license.length; i++) {
            boolean isEdited = dice.nextInt(every) == 0;
            text[license.length + i] = isEdited ? dice.nextInt(700) : license[i];
        }
        double cheap = speedUp(text, license.length, 0.1);
        assertTrue(cheap > (every == 10 ? 1.5 : 2), "one in " + every + " edited: " + cheap);
        double dear = speedUp(text, license.length, 1);
        assertTrue(dear > 0.97, "one in " + every + " edited, rows as dear as steps: " + dear);
    }
}
