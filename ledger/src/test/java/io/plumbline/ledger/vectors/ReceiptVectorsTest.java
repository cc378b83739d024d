package io.plumbline.ledger.vectors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.ledger.vectors.JavaVerifier.Said;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/**
 * The test vectors of docs/receipt.md. {@code -Dplumbline.vectors=write} writes them anew, after a change of an
 * encoding.
 */
class ReceiptVectorsTest {
    private static void check(VectorFile file, Function<JsonNode, Said> verifier) throws IOException {
        if (System.getProperty("plumbline.vectors", "").equals("write")) {
            file.write();
        }
        assertTrue(
                file.isCommitted(),
                file.path() + " is not what the code makes. Where an encoding was meant to change, write it anew: "
                        + "see docs/receipt.md, Vectors.");
        JsonNode committed = new ObjectMapper().readTree(Files.readString(file.path()));
        List<String> wrong = new ArrayList<>();
        for (JsonNode one : committed.get("cases")) {
            Said said = verifier.apply(one);
            JsonNode expected = one.get("expect");
            String failure = expected.has("failure") ? expected.get("failure").asText() : null;
            boolean isRight = failure != null
                    ? failure.equals(said.failure())
                    : expected.get("accepted").equals(said.accepted());
            if (!isRight) {
                wrong.add(one.get("name").asText() + ": " + said);
            }
        }
        assertEquals(List.of(), wrong);
    }

    @Test
    void requests() throws IOException {
        check(RequestVectors.file(), JavaVerifier::ofRequest);
    }

    @Test
    void answers() throws IOException {
        check(AnswerVectors.file(), JavaVerifier::ofAnswer);
    }

    @Test
    void receipts() throws IOException {
        check(ReceiptVectors.file(), JavaVerifier::ofReceipt);
    }

    @Test
    void proofs() throws IOException {
        check(ProofVectors.file(), JavaVerifier::ofProof);
    }
}
