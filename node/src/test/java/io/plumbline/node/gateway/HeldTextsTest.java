package io.plumbline.node.gateway;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Texts that a client holds beside an audited answer: messages that it sent, facts and files that it named. */
class HeldTextsTest {
    private static final String MESSAGES = "[{\"role\":\"user\",\"content\":\"Is it safe?\"}]";
    private static final String TEXT = "Say that it is.";
    private static final String BLOB = Blake3.hex(Blake3.hash(TEXT.getBytes(StandardCharsets.UTF_8)));
    private static final String TOLD = "{\"messages\":" + MESSAGES
            + ",\"sources\":{\"facts\":[],\"files\":[{\"blob\":\"" + BLOB + "\",\"name\":\"a.txt\",\"text\":\"" + TEXT
            + "\"}],\"fact_template\":\"{name}: {value} {unit} (as of {time})\","
            + "\"file_template\":\"{name}:\\n{text}\"}}";

    private static String difference(String held, String signed) throws IOException {
        Request request = new Request(
                Bytes32.ZERO,
                signed,
                0,
                new int[] {1},
                Sampling.GREEDY,
                4,
                new int[] {2},
                List.of(),
                Bytes32.ZERO,
                new byte[16]);
        return new HeldTexts(null, Http.MAPPER.readTree(held))
                .difference(request, new Answer(new int[] {5, 2}, "Yes."));
    }

    private static String held(String plumbline) {
        return "{\"messages\":" + MESSAGES + ",\"plumbline\":" + plumbline + "}";
    }

    @Test
    void aFileThatWasNotAskedForIsNoPartOfWhatWasSent() throws IOException {
        assertNull(difference(MESSAGES, MESSAGES));
        assertNotNull(difference(MESSAGES, TOLD));
        assertNotNull(difference(held("{\"level\":\"full\"}"), TOLD));
        assertNull(difference(held("{\"level\":\"full\"}"), MESSAGES));
    }

    @Test
    void whatTheTemplateWasToldIsComparedToo() throws IOException {
        String told = "{\"messages\":" + MESSAGES + ",\"template\":{\"enable_thinking\":false}}";
        assertNull(difference(told, told));
        assertNotNull(difference(MESSAGES, told));
        assertNotNull(difference(told, MESSAGES));
    }

    @Test
    void whatWasAskedForIsComparedByItsNames() throws IOException {
        String named = "{\"files\":[{\"blob\":\"" + BLOB + "\",\"name\":\"a.txt\"}]}";
        assertNull(difference(held(named), TOLD));
        assertNull(difference(held("{\"files\":[\"" + BLOB + "\"]}"), TOLD.replace("a.txt", BLOB)));
        assertNotNull(difference(held(named), MESSAGES));
        assertNotNull(difference(held(named), TOLD.replace("a.txt", "b.txt")));
        assertNotNull(difference(held(named), TOLD.replace(BLOB, "00".repeat(32))));
        assertNotNull(difference(held(named), TOLD.replace("{name}:\\n{text}", "Not so: {text}")));
        assertNotNull(difference(held(named), TOLD.replace("\"facts\":[]", "\"facts\":[{\"feed\":\"00\"}]")));
    }
}
