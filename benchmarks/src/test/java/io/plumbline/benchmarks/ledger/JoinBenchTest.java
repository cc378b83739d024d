package io.plumbline.benchmarks.ledger;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.beust.jcommander.JCommander;
import com.beust.jcommander.ParameterException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JoinBenchTest {
    @TempDir
    Path folder;

    private JoinBench bench(String... words) {
        JoinBench bench = new JoinBench();
        JCommander.newBuilder().addObject(bench).build().parse(words);
        return bench;
    }

    @Test
    void aWipedFullNodeJoinsASmallLedgerUnderLoad() throws Exception {
        JoinBench bench = bench(
                "--rounds",
                "1",
                "--accounts",
                "200",
                "--rate",
                "50",
                "--answers",
                "400",
                "--paced",
                "2",
                "--dir",
                folder.resolve("members").toString(),
                "--results",
                folder.toString());
        assertEquals(0, bench.call());
        JsonNode json =
                new ObjectMapper().readTree(folder.resolve("ledger-join.json").toFile());
        JsonNode details = json.path("details");
        assertTrue(json.path("value").asDouble() > 0);
        assertTrue(details.path("copying_s").asDouble() > 0, json.toString());
        assertTrue(details.path("copied_bytes").asLong() > 0, json.toString());
        assertTrue(details.path("commands_meanwhile").asLong() > 0, json.toString());
        long busy = details.path("log_bytes_an_answer").asLong();
        assertTrue(busy > 1_000, json.toString());
        // Blocks, and their votes, are shared by fewer answers.
        assertTrue(details.path("log_bytes_an_answer_at_one_a_second").asLong() > busy, json.toString());
    }

    @Test
    void aLogThatIsTooShortToBeDroppedSaysSo() {
        JoinBench bench = bench(
                "--rounds",
                "1",
                "--accounts",
                "10",
                "--answers",
                "2",
                "--paced",
                "1",
                "--dir",
                folder.resolve("members").toString(),
                "--results",
                folder.toString());
        IOException refused = assertThrows(IOException.class, bench::call);
        assertTrue(refused.getMessage().contains("name more --answers"), refused.getMessage());
    }

    @Test
    void wrongNumbersAreRefused() {
        assertThrows(ParameterException.class, () -> bench("--rounds", "0").call());
        assertThrows(ParameterException.class, () -> bench("--rate", "5000").call());
        assertThrows(
                ParameterException.class,
                () -> bench("--answers", "30", "--paced", "30").call());
    }
}
