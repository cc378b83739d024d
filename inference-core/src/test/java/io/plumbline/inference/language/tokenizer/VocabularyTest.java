package io.plumbline.inference.language.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.grammar.Grammar;
import io.plumbline.verifier.grammar.GrammarWalk;
import io.plumbline.verifier.grammar.Vocabulary;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A grammar takes tokens for their text: with pieces of bytes, and with bytes to fall back on. */
class VocabularyTest {
    @TempDir
    Path folder;

    private static final String LINES = "root ::= line (\"\\n\" line)*\nline ::= [A-Za-zé😀 ,.\"{}:0-9]{0,40}\n";

    private void check(ChatTokenizer tokenizer, String name) {
        Vocabulary vocabulary = tokenizer.vocabulary();
        Grammar grammar = Grammar.parse(LINES);
        int compared = 0;
        for (long seed = 0; seed < 40; seed++) {
            Random random = new Random(seed);
            GrammarWalk walk = new GrammarWalk(grammar, vocabulary);
            int[] tokens = new int[30];
            for (int i = 0; i < tokens.length; i++) {
                BitSet all = walk.all();
                assertTrue(!all.isEmpty(), "a line may always go on");
                int next = all.nextSetBit(random.nextInt(vocabulary.size()));
                tokens[i] = next < 0 ? all.nextSetBit(0) : next;
                walk.accept(tokens[i]);
            }
            String text = tokenizer.decode(tokens);
            if (!walk.isComplete()) {
                // The last character is a part of one.
                continue;
            }
            compared++;
            assertTrue(
                    List.of(text.split("\n", -1)).stream().allMatch(line -> line.matches("[A-Za-zé😀 ,.\"{}:0-9]*")),
                    () -> name + ": " + text);
            assertTrue(grammar.matches(text.getBytes(StandardCharsets.UTF_8)), () -> name + ": " + text);
        }
        assertTrue(compared > 10, name + ": " + compared + " texts were whole");
    }

    @Test
    void textsOfTheModelThatShipsAreTheirTokensBytes() throws IOException {
        try (ChatTokenizer tokenizer = ChatTokenizer.open(TestModels.SHIPPED)) {
            check(tokenizer, "byte level");
        }
    }

    @Test
    void textsOfASentencePieceVocabularyAre() throws IOException {
        assumeTrue(Files.exists(TestModels.STORIES_260K), "Skipped: no model at " + TestModels.STORIES_260K);
        try (LoadedModel model = TestModels.load(TestModels.STORIES_260K, folder);
                ChatTokenizer tokenizer = ChatTokenizer.of(model.tokenFiles())) {
            check(tokenizer, "sentence pieces");
            // Its decoder leaves out the space that its first word stands behind.
            GrammarWalk walk = new GrammarWalk(Grammar.parse("root ::= \"Once upon\""), tokenizer.vocabulary());
            int[] once = tokenizer.text("Once upon");
            int begin = once.length - 1;
            while (begin > 0
                    && tokenizer
                                    .decode(Arrays.copyOfRange(once, begin, once.length))
                                    .length()
                            < 9) {
                begin--;
            }
            for (int i = begin; i < once.length; i++) {
                assertTrue(walk.contains(once[i]), tokenizer.name(once[i]));
                walk.accept(once[i]);
            }
            assertTrue(walk.isComplete());
            assertEquals(0, walk.all().cardinality());
        }
    }
}
