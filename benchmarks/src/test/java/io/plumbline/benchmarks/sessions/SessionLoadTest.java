package io.plumbline.benchmarks.sessions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.benchmarks.load.CommandLine;
import io.plumbline.benchmarks.load.Line;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("slow")
class SessionLoadTest {
    private static final long WAIT_NS = 30_000_000_000L;

    @TempDir
    private Path folder;

    @ParameterizedTest
    @EnumSource
    void everyMessageComesBackOnceAndInOrder(Echo way) throws Exception {
        int[] lengths = {Echo.LEAST_BYTES, 64, 1 << 10, 64 << 10, 4 << 20, 64};
        List<Long> heard = new ArrayList<>();
        try (Line line = way.open(folder.resolve("driver"))) {
            long end = System.nanoTime() + WAIT_NS;
            for (int i = 0; i < lengths.length; i++) {
                UnsafeBuffer message = new UnsafeBuffer(new byte[lengths[i]]);
                Echo.begin(message, i);
                while (!line.offer(message, lengths[i]) && System.nanoTime() < end) {
                    Thread.onSpinWait();
                }
                while (heard.size() == i && System.nanoTime() < end) {
                    line.poll((number, height) -> heard.add(number));
                }
            }
        }
        assertEquals(LongStream.range(0, lengths.length).boxed().toList(), heard);
    }

    private CommandLine load(String... words) throws Exception {
        List<String> all = new ArrayList<>(List.of("sessions", "--seconds", "0.1", "--rounds", "1"));
        all.addAll(List.of("--out", folder.resolve("result.json").toString()));
        all.addAll(List.of("--results", folder.resolve("headlines").toString()));
        all.addAll(List.of(words));
        return CommandLine.run(all.toArray(String[]::new));
    }

    @Test
    void allWaysAreMeasuredInOneRunAndEachHeadlineNamesItsPeer() throws Exception {
        CommandLine ended = load("--bytes", "1024", "--rate", "200");
        assertEquals(0, ended.code(), ended.errors());
        ObjectMapper mapper = new ObjectMapper();
        JsonNode result = mapper.readTree(folder.resolve("result.json").toFile());
        for (Echo way : Echo.values()) {
            String name = way.title + " 1 KiB";
            assertEquals(20, result.path("latencies").path(name).path("count").asInt(), name);
            assertTrue(result.path("throughput_mb_per_s").has(name), name);
            assertTrue(result.path("versions").path(way.title).asText().matches("\\d.*"), name);
        }
        for (String name : List.of("session-rtt", "session-tail", "session-throughput")) {
            JsonNode headline = mapper.readTree(
                    folder.resolve("headlines").resolve(name + ".json").toFile());
            assertTrue(headline.path("value").asDouble() > 0, name);
            assertTrue(headline.path("command").asText().startsWith("./plumbline load sessions "), name);
            String peer = headline.path("peer").path("name").asText();
            assertTrue(peer.startsWith(name.equals("session-tail") ? "gRPC-Java" : "raw Aeron"), peer);
        }
    }

    @Test
    void aRateThatWasMissedLeavesNoHeadline() throws Exception {
        CommandLine ended =
                load("--bytes", "65536", "--rate", "1000000", "--rate-bytes", "1000000000000", "--peers", "aeron");
        assertEquals(1, ended.code());
        assertTrue(ended.errors().startsWith("plumbline load: FAIL: our sessions 64 KiB: "), ended.errors());
        assertTrue(folder.resolve("result.FAIL.json").toFile().exists());
        assertTrue(!folder.resolve("headlines").toFile().exists());
    }

    @ParameterizedTest
    @ValueSource(strings = {"--peers zeromq", "--bytes 3", "--bytes 99999999", "--seconds 0", "--rounds 0", "--frob"})
    void badInputIsOneLineThatSaysWhatToDo(String words) throws Exception {
        CommandLine ended = load(words.split(" "));
        assertEquals(2, ended.code());
        assertTrue(
                ended.errors().matches("plumbline load: [^\n]+ Try plumbline load sessions --help\\."), ended.errors());
    }
}
