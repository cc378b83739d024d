package io.plumbline.inference.language.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.tokenizer.LinearPattern.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class LinearPatternTest {
    /** Of tokenizers in use: GPT-2, Llama 3, Qwen 2, GPT-4o and Mistral's, DeepSeek's, digits, a plain split. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
                "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
                        + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
                "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
                        + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
                "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+"
                        + "(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+"
                        + "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+"
                        + "|\\s+(?!\\S)|\\s+",
                "[\r\n]",
                "\\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-Ֆ]+",
                "\\s?[!-/:-~！-／：-～‘-‟　-。]+",
                "\\s+$",
                "[一-龥ࠀ-一가-퟿]+",
                "\\p{N}+",
                "\\d{1,3}(?=(?:\\d{3})*\\b)|x",
                "(?=(\\d{3})+(?!\\d))",
                " {2,}",
                "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$",
                "(?i)'s|[^\\r\\n\\p{L}]?\\p{L}+|\\s+(?!\\S)|\\s+",
                "(?:\\d{3}+)b"
            })
    void whatIsInUseIsTaken(String pattern) {
        assertNull(LinearPattern.fault(pattern), pattern);
    }

    /** What they go through in vain is taken by the next: none of these goes through it again. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "\\s+(?!\\S)|\\s+",
                "'s| ?\\p{L}+|\\s+(?!\\S)|\\s+",
                "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
                "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{M}]*[\\p{Ll}\\p{M}]+(?i:'s|'t)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{M}]+"
                        + "[\\p{Ll}\\p{M}]*|\\p{N}{1,3}",
                "[A-Za-z]+",
                "\\s?[!-/]+|x",
                // GPT-4o and gpt-oss, DeepSeek V3, Kimi K2.
                "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+"
                        + "(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+"
                        + "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}"
                        + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
                "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
                        + "| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
                "[\\p{Han}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]*"
                        + "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
                        + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]+"
                        + "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
                        + "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
            })
    void whatIsTakenBehindIsNotGoneThroughAgain(String pattern) {
        assertNull(LinearPattern.fault(pattern));
        assertTrue(
                LinearPattern.reruns(pattern).stream().noneMatch(LinearPattern.Run::again),
                LinearPattern.reruns(pattern).toString());
        assertTrue(
                LinearPattern.reruns(pattern).stream().allMatch(run -> run.ways() <= 2),
                LinearPattern.reruns(pattern).toString());
    }

    static List<Arguments> again() {
        return List.of(
                Arguments.of("\\s+$", Kind.BLANKS, 1),
                Arguments.of("\\d{1,3}(?=(?:\\d{3})*\\b)|x", Kind.DIGITS, 3),
                Arguments.of("(?=(\\d{3})+(?!\\d))", Kind.DIGITS, 1),
                Arguments.of("\\p{L}+\\p{N}", Kind.LETTERS, 1),
                Arguments.of("[^x]+y", Kind.ALL, 1),
                Arguments.of("(?:\\d\\s)+x", Kind.ALL, 1),
                // Each takes one character, and the next begins within the run.
                Arguments.of("\\s+x| |\\s+", Kind.BLANKS, 1),
                Arguments.of("\\s+x|\\s+?y|\\s+", Kind.BLANKS, 1),
                // Another kind is taken, or less of it.
                Arguments.of("\\s+x|\\S+", Kind.BLANKS, 1),
                Arguments.of("\\s+x| +", Kind.BLANKS, 1),
                Arguments.of("\\s+x|\\s+?", Kind.BLANKS, 1),
                Arguments.of("\\s+x|a\\s+", Kind.BLANKS, 1),
                Arguments.of("\\s+x|(?:\\s)+", Kind.BLANKS, 1),
                Arguments.of("\\s+|\\s+x", Kind.BLANKS, 1),
                // These repeat a blank, and what stands between the letters of two cases.
                Arguments.of("\\x20+$", Kind.ALL, 1),
                Arguments.of("\\u0020+$", Kind.ALL, 1),
                Arguments.of("[A-z]+[ ]", Kind.ALL, 1),
                Arguments.of("(?i)\\s+$", Kind.BLANKS, 1));
    }

    @ParameterizedTest
    @MethodSource("again")
    void whatIsGoneThroughAgainIsKnown(String pattern, Kind kind, long ways) {
        assertNull(LinearPattern.fault(pattern));
        assertEquals(
                new LinearPattern.Run(kind, ways, true),
                LinearPattern.reruns(pattern).getFirst());
    }

    /** Each ends the process, or takes minutes, on some text of a few thousand characters. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "(a|a|aa)+$",
                "(a+)+b",
                "(?:a|b)+c",
                "(?:a{2,3})*b",
                "(?:)*",
                "(?<=x)y",
                "a*a*b",
                "\\s*\\s*\\s*x",
                "(?:a*|b)a*c",
                "a+(?:a+|x)?b",
                "a{1,1000}a{1,1000}b",
                "(?=a*a*b)",
                "(?i:a+)a+$",
                "(.*)\\1",
                "a**",
                "(a",
                "[a",
                "a)b",
                "\\",
                "a{1,64}a{1,64}a{1,64}b",
                "a?a?a?a?a?a?a?a?a?a?a?aaaaaaaaaaab",
                "(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)b",
                "\\s*\\G\\s",
                "(?x)(?:a|b) +c",
                "(?x:a +a +b)",
                // A count that comes again and again, and one that may be left out.
                "a{1,2}+b",
                "a{,2}+b",
                "(?=a{1,2}+)",
                "(?:a{1}?a{1}?)+[bc]",
                "(?:ab{2}?)+c",
                // Options begin a group that alternatives behind them belong to.
                "\\s+(?i)[xz]|\\s+[xz]",
                "(\\s+(?m)[xz]|\\s+(?m)[xz]|\\s+[xz])",
                // A sharp s is two letters as well.
                "(?i)[\u00DFs]+b",
                "(?i:[\\p{L}])+b",
                "(?i)a|(?:[\u00DFs])+b",
                "(?i:a(?-i:b)[\u00DFs]+)",
                // Brackets that are a part of another character, or of their set.
                "\\c[(?:aa?)+[bc]]|x]",
                "\\C-[(?:aa?)+[bc]]|x]",
                "[\\c]]",
                "(?:a\\o{141}?)+[bc]",
                "[](?:a|b)]",
                "[^](?:a|b)]",
                "[a[]b]]",
                "\\x{61 62}",
                "\\Q(",
            })
    void whatCostsMoreThanItsTextIsNotTaken(String pattern) {
        assertNotNull(LinearPattern.fault(pattern), pattern);
    }

    /** The engine goes on with a set that seems to be in a group whose options are over. */
    @Test
    void optionsEndWithTheirGroup() {
        assertNull(LinearPattern.fault("(?i:a)[\u00DFs]+b"));
        assertNull(LinearPattern.fault("(?:(?i)a)[\u00DFs]+b"));
        assertNull(LinearPattern.fault("(?-i)[\u00DFs]+b"));
        assertNotNull(LinearPattern.fault("(?m-i:a)(?i)[\u00DFs]+b"));
    }

    private static ObjectNode shipped() throws IOException {
        return (ObjectNode)
                new ObjectMapper().readTree(Files.readAllBytes(TestModels.SHIPPED.resolve(TokenizerFile.NAME)));
    }

    private static String refused(ObjectNode tokenizer) {
        return assertThrows(
                        IOException.class,
                        () -> TokenizerFile.open(tokenizer.toString().getBytes("UTF-8"), true))
                .getMessage();
    }

    @Test
    void aTokenizerThatDoesNotSayTheSameTwiceIsRefused() throws IOException {
        ObjectNode dropping = shipped();
        ((ObjectNode) dropping.path("model")).put("dropout", 0.5);
        assertTrue(refused(dropping).contains("dropout"), refused(dropping));
        ((ObjectNode) dropping.path("model")).put("dropout", 0);
        TokenizerFile.open(dropping.toString().getBytes("UTF-8"), true).close();
        ObjectNode twice = shipped();
        ((ObjectNode) twice.path("model").path("vocab")).put("Zebra", 300);
        assertTrue(refused(twice).contains("token 300 is both"), refused(twice));
        ObjectNode slow = shipped();
        ObjectNode split = slow.putObject("pre_tokenizer");
        split.put("type", "Split").put("behavior", "Isolated").put("invert", false);
        split.putObject("pattern").put("Regex", "(a|a|aa)+$");
        assertTrue(refused(slow).contains("repeats a group"), refused(slow));
        assertNull(LinearPattern.fault("a+"));
    }

    @Test
    void piecesAndWordsThatCostMoreThanTheirTextAreRefused() throws IOException {
        ObjectNode pieces = shipped();
        ObjectNode unigram = pieces.putObject("model").put("type", "Unigram").put("unk_id", 0);
        pieces.putArray("added_tokens");
        unigram.putArray("vocab").addArray().add("a".repeat(129)).add(-1.0);
        assertTrue(refused(pieces).contains("a piece of its vocabulary has 129 characters"), refused(pieces));
        ObjectNode words = shipped();
        ObjectNode wordPiece = words.putObject("model").put("type", "WordPiece").put("unk_token", "a");
        words.putArray("added_tokens");
        wordPiece.put("continuing_subword_prefix", "##").putObject("vocab").put("a", 0);
        wordPiece.put("max_input_chars_per_word", 1_000_000);
        assertTrue(refused(words).contains("\"max_input_chars_per_word\" is 1000000"), refused(words));
        ObjectNode control = shipped();
        ((ArrayNode) control.path("added_tokens"))
                .addObject()
                .put("id", 1_000_000)
                .put("content", "<" + "a".repeat(600))
                .put("special", true);
        byte[] file = control.toString().getBytes("UTF-8");
        assertTrue(assertThrows(IOException.class, () -> new ControlTokens(file, ""))
                .getMessage()
                .contains("a control token of 601 characters"));
    }
}
