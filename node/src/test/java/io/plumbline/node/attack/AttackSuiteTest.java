package io.plumbline.node.attack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.plumbline.inference.CostlyGrammar;
import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.Replay;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.receipt.LogitAdjustments;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Every cheat we could think of, each met with its reason; what proves it is confirmed by somebody else. */
class AttackSuiteTest {
    private static final Path TABLE = Path.of("../docs/attacks.md");

    @TempDir
    static Path folder;

    private static Scene scene;
    private static List<Attack> attacks;

    @BeforeAll
    static void load() throws IOException {
        scene = new Scene(folder);
        attacks = new ArrayList<>();
        attacks.addAll(ReceiptAttacks.of(scene));
        attacks.addAll(TraceAttacks.of(scene));
        attacks.addAll(OpeningAttacks.of(scene));
        attacks.addAll(ComputeAttacks.of(scene));
        attacks.addAll(AnswerAttacks.of(scene));
        attacks.addAll(GatewayAttacks.of(scene));
        attacks.addAll(LedgerAttacks.of(scene));
        attacks.addAll(FeedAttacks.of(scene));
        attacks.addAll(StorageAttacks.of());
    }

    @AfterAll
    static void close() {
        scene.close();
    }

    @Test
    void anHonestNodeIsFoundGood() throws IOException {
        assertEquals("good", scene.audit(scene.honest));
        assertEquals("good", scene.audit(scene.altered(trace -> {})));
        assertEquals("good", scene.audit(scene.cancelled(5)));
        assertEquals("good", scene.audit(scene.stoppedByText()));
        assertEquals("good", GatewayAttacks.ofHonest(scene));
        for (Sampling sampling : List.of(
                Sampling.GREEDY,
                new Sampling(
                        1.5f,
                        0,
                        900_000,
                        20_000,
                        5,
                        new LogitAdjustments(900_000, 300_000, 1_200_000, new int[] {9}, new int[] {-3_000_000})))) {
            Request bound = scene.request(sampling, Scene.MAX_TOKENS, AnswerAttacks.GRAMMAR);
            Scene.Shown shown = scene.serve(bound, bound, TestModels.forward(scene.model));
            assertTrue(
                    shown.answer().text().matches("[A-Z][a-z ]{3,30}[.!]"),
                    shown.answer().text());
            assertEquals("good", scene.audit(shown));
            Request costly = scene.request(sampling, Scene.MAX_TOKENS, CostlyGrammar.after(60));
            Scene.Shown ended = scene.serve(costly, costly, TestModels.forward(scene.model));
            assertTrue(ended.answer().tokens().length < Scene.MAX_TOKENS, "it ends where its grammar is too costly");
            assertEquals("good", scene.audit(ended));
            assertTrue(Replay.audit(scene.model, scene.tokenizer, ended.receipt(), costly, ended.answer())
                    .good());
        }
    }

    @TestFactory
    Stream<DynamicTest> everyCheatIsMetWithItsReason() {
        return attacks.stream()
                .map(attack -> dynamicTest(attack.family() + ": " + attack.cheat(), () -> {
                    String outcome = attack.run().outcome();
                    assertTrue(outcome.contains(attack.caught()), () -> attack.cheat() + " came to: " + outcome);
                }));
    }

    @Test
    void theTableInTheDocsIsThisSuite() throws IOException {
        Set<String> names = new HashSet<>();
        StringBuilder table = new StringBuilder("""
                # What a cheat comes to

                Every line is a test that carries the cheat out against the model that ships and meets it at level FULL
                (`AttackSuiteTest`, which writes this file). Where a failure shows in an opening, the evidence is encoded, decoded and
                confirmed with the weights, and again with nothing but the one row in which the lie shows.

                | | cheat | met by |
                | --- | --- | --- |
                """);
        for (Attack attack : attacks) {
            assertTrue(names.add(attack.family() + attack.cheat()), attack.cheat() + " stands twice");
            table.append("| ").append(attack.family()).append(" | ").append(attack.cheat());
            table.append(" | ").append(meaning(attack.caught())).append(" |\n");
        }
        if (Boolean.getBoolean("plumbline.docs")) {
            Files.writeString(TABLE, table);
        }
        assertTrue(attacks.size() >= 60, attacks.size() + " cheats");
        assertEquals(
                table.toString(),
                Files.readString(TABLE),
                TABLE + " is not this suite's: write it again with ./plumbline test -Dplumbline.docs=true");
    }

    private static String meaning(String caught) {
        for (Step step : Step.values()) {
            if (step.name().equals(caught)) {
                return "`" + step + "`: " + step.meaning();
            }
        }
        return caught;
    }
}
