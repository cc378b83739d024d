package io.plumbline.inference.language.tokenizer;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
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
                " {2,}"
            })
    void whatIsInUseIsTaken(String pattern) {
        assertNull(LinearPattern.fault(pattern), pattern);
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
                "\\"
            })
    void whatCostsMoreThanItsTextIsNotTaken(String pattern) {
        assertNotNull(LinearPattern.fault(pattern), pattern);
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
}
