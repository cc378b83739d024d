package io.plumbline.benchmarks.ledger;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.benchmarks.load.CommandLine;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("slow")
class LedgerLoadTest {
    @TempDir
    private Path folder;

    @Test
    void wholeAnswersAreSettledAndCertifiedAndTheirMessagesEchoed() throws Exception {
        CommandLine ended = CommandLine.run(
                "ledger",
                "--of",
                "answers",
                "--rate",
                "10",
                "--arrivals",
                "constant",
                "--seconds",
                "1",
                "--dir",
                folder.resolve("ledger").toString(),
                "--out",
                folder.resolve("result.json").toString());
        assertEquals(0, ended.code(), ended.errors());
        JsonNode result =
                new ObjectMapper().readTree(folder.resolve("result.json").toFile());
        JsonNode latencies = result.path("latencies");
        assertEquals(10, result.path("answers").asInt());
        assertEquals(100, latencies.path("ordered").path("count").asInt(), "ten messages each");
        assertEquals(10, latencies.path("certified").path("count").asInt());
        assertEquals(100, latencies.path("echo_of_aeron_cluster").path("count").asInt());
        assertTrue(result.path("answers_certified_per_s").asDouble() > 0);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--of blocks",
                "--rate 0",
                "--rate 1e9",
                "--arrivals never",
                "--seconds 0",
                "--rate 9e4 --seconds 99"
            })
    void badInputIsOneLineThatSaysWhatToDo(String words) throws Exception {
        CommandLine ended = CommandLine.run(("ledger " + words).split(" "));
        assertEquals(2, ended.code());
        assertTrue(
                ended.errors().matches("plumbline load: [^\n]+ Try plumbline load ledger --help\\."), ended.errors());
    }
}
