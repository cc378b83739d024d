package io.plumbline.benchmarks.suite;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SuitesTest {
    private static final Path KEPT = Path.of("results");

    @TempDir
    private Path folder;

    private static List<List<String>> commands(String... names) throws IOException {
        return new Suites(KEPT).commands(List.of(names));
    }

    private static String refused(String... names) {
        return assertThrows(IOException.class, () -> commands(names)).getMessage();
    }

    @Test
    void aHeadlineIsMeasuredByTheCommandThatItsFileNames() throws IOException {
        assertEquals(List.of(List.of("./plumbline", "bench", "hash")), commands("blake3"));
        assertEquals(List.of(List.of("./plumbline", "bench", "hash")), commands("hash"));
    }

    @Test
    void commandsOfSeveralHeadlinesRunOnce() throws IOException {
        assertEquals(commands("ledger-rate"), commands("ledger-rate", "ledger-latency", "ledger"));
        List<List<String>> audits = commands("audit");
        assertEquals(Set.copyOf(audits).size(), audits.size());
        assertTrue(audits.contains(List.of("./plumbline", "bench", "audit", "--shape", "70b")), audits.toString());
    }

    @Test
    void everyHeadlineIsASuiteOrSaysWhyItIsNot() throws IOException {
        for (String name : new Suites(KEPT).names()) {
            try {
                assertTrue(!commands(name).isEmpty());
            } catch (IOException e) {
                assertTrue(e.getMessage().contains("needs a path of yours"), name + ": " + e.getMessage());
            }
        }
    }

    @Test
    void whatCannotBeRunIsNamedWithWhatToDo() throws IOException {
        String unknown = refused("nothing");
        assertTrue(unknown.startsWith("There is no suite nothing. There are ") && unknown.contains("blake3"), unknown);
        assertTrue(refused("tolerant-accuracy").endsWith("run it by hand."));
        String file = Files.readString(KEPT.resolve("blake3.json"));
        Files.writeString(
                folder.resolve("x.json"), file.replace("./plumbline bench hash", "./plumbline bench hash; id"));
        assertThrows(IOException.class, () -> new Suites(folder).commands(List.of("blake3")));
    }

    @Test
    void anAbsentPeerIsNamedBeforeAnythingIsMeasured() throws IOException {
        Path program = Files.createFile(folder.resolve("b3sum"));
        assertTrue(program.toFile().setExecutable(true));
        List<String> hash = commands("hash").getFirst();
        assertNull(Peers.missing(hash, new Peers.Host(Map.of("PATH", "/nowhere:" + folder))));
        assertTrue(
                Peers.missing(hash, new Peers.Host(Map.of("PATH", "/nowhere"))).startsWith("b3sum is not here: "));
        List<String> cpu = commands("cpu").getFirst();
        assertTrue(Peers.missing(cpu, new Peers.Host(Map.of())).startsWith("llama.cpp is not here: "));
        assertTrue(
                Peers.missing(cpu, new Peers.Host(Map.of("LLAMA_BENCH", "/x"))).startsWith("Jlama is not here: "));
        assertNull(Peers.missing(commands("storage").getFirst(), new Peers.Host(Map.of())));
    }

    @Test
    void anInstructionSetThatTheHostLacksIsNamedWithThoseThatItHas() throws IOException {
        RunCommand.requireInstructionSets(List.of("avx2"), Set.of("avx2", "fma"));
        RunCommand.requireInstructionSets(List.of(), Set.of());
        String why = assertThrows(
                        IOException.class,
                        () -> RunCommand.requireInstructionSets(List.of("avx2", "i8mm"), Set.of("avx2")))
                .getMessage();
        assertEquals("This host has no i8mm; it has avx2. Run on one that has it, or leave out --isa.", why);
    }
}
