package io.plumbline.inference.language.sources;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.language.sources.PromptSources.Fact;
import io.plumbline.inference.language.sources.PromptSources.SourceFile;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.TrustedLedger;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PromptSourcesTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final TrustedLedger LEDGER = new TrustedLedger(Bytes32.ZERO, List.of(Bytes32.ZERO));

    private static SourceFile file(String name, String text) {
        return new SourceFile(Bytes32.of(Blake3.hash(text.getBytes(StandardCharsets.UTF_8))), name, text);
    }

    private static PromptSources files(String template, SourceFile... files) {
        return new PromptSources(List.of(), List.of(files), PromptSources.FACT_TEMPLATE, template);
    }

    @Test
    void filesBecomeTextAsTheTemplateSays() {
        SourceFile one = file("a.txt", "Bär {name}");
        assertEquals(
                "a.txt:\nBär {name}", files(PromptSources.FILE_TEMPLATE, one).rendered(null, 0));
        assertEquals(
                "{11 of " + one.id().toString() + "} Bär {name}",
                files("{{{bytes} of {id}}} {text}", one).rendered(null, 0));
        assertEquals("x\n\ny", files("{text}", file("a", "x"), file("b", "y")).rendered(null, 0));
    }

    @ParameterizedTest
    @ValueSource(strings = {"{", "}", "{}", "{text", "{other}", "{text}{text}", "{{text}", "{Text}", "{ text}"})
    void aTemplateThatCannotBeFilledIsRefused(String template) {
        PromptSources sources = files(template, file("a", "x"));
        assertThrows(IllegalArgumentException.class, () -> sources.rendered(null, 0));
    }

    @Test
    void aTemplateIsShort() {
        PromptSources sources = files("x".repeat(1025), file("a", "x"));
        assertThrows(IllegalArgumentException.class, () -> sources.rendered(null, 0));
    }

    @Test
    void aFileIsTheTextThatItsIdIsTheHashOf() {
        byte[] id = Blake3.hash("level: 2.75".getBytes(StandardCharsets.UTF_8));
        assertEquals("level: 2.75", new SourceFile(Bytes32.of(id), "a", "level: 2.75").text());
        String changed = assertThrows(
                        IllegalArgumentException.class, () -> new SourceFile(Bytes32.of(id), "a", "level: 2.76"))
                .getMessage();
        assertTrue(changed.contains("is not blob " + HexFormat.of().formatHex(id)), changed);
        assertThrows(IllegalArgumentException.class, () -> file("a", "\ud800"));
        assertThrows(IllegalArgumentException.class, () -> file("", "x"));
        assertThrows(IllegalArgumentException.class, () -> file("a\nb", "x"));
    }

    @Test
    void whatIsWrittenIsRead() {
        PromptSources sources = new PromptSources(
                List.of(new Fact(Bytes32.ZERO, new byte[] {1, 2, 3})), List.of(file("a", "x")), "{value}", "{text}");
        PromptSources read = PromptSources.parse(sources.toJson());
        assertEquals(sources.toJson(), read.toJson());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[]",
                "{}",
                "{\"facts\":[],\"files\":[],\"fact_template\":\"\",\"file_template\":\"\"}",
                "{\"facts\":[{}],\"files\":[],\"fact_template\":\"\",\"file_template\":\"\"}",
                "{\"facts\":[],\"files\":[{\"blob\":\"00\",\"name\":\"a\",\"text\":\"x\"}],"
                        + "\"fact_template\":\"\",\"file_template\":\"\"}",
                "{\"facts\":{},\"files\":[],\"fact_template\":\"\",\"file_template\":\"\"}",
                "{\"facts\":[],\"files\":[],\"fact_template\":1,\"file_template\":\"\"}",
                "{\"facts\":[],\"files\":[],\"fact_template\":\"\",\"file_template\":\"\",\"more\":1}"
            })
    void whatIsNoneIsRefused(String json) throws JsonProcessingException {
        assertThrows(IllegalArgumentException.class, () -> PromptSources.parse(MAPPER.readTree(json)), json);
    }

    @Test
    void factsAreJudgedByALedgerAndByNothingElse() {
        PromptSources sources = new PromptSources(
                List.of(new Fact(Bytes32.ZERO, new byte[] {1, 2, 3})), List.of(), "{value}", "{text}");
        assertThrows(IllegalStateException.class, () -> sources.rendered(null, 0), "nobody is refuted by that");
        String why = assertThrows(IllegalArgumentException.class, () -> sources.rendered(LEDGER, 0))
                .getMessage();
        assertTrue(why.contains("MALFORMED"), why);
        assertThrows(IllegalArgumentException.class, () -> sources.rendered(LEDGER, -1));
        assertThrows(IllegalArgumentException.class, () -> sources.rendered(LEDGER, Long.MAX_VALUE));
    }

    @Test
    void thereAreSixteenAtMost() {
        List<SourceFile> many = Collections.nCopies(17, file("a", "x"));
        assertThrows(IllegalArgumentException.class, () -> new PromptSources(List.of(), many, "", ""));
    }
}
