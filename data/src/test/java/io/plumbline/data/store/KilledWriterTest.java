package io.plumbline.data.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process that is killed at any moment of its writing leaves whole blobs or none. */
class KilledWriterTest {
    private static final int KILLS = 4;
    private static final int MOST_BYTES = 1 << 20;

    @TempDir
    private Path folder;

    /** Writes blobs without end, and prints the id of each that is committed. */
    public static final class Writer {
        private Writer() {}

        public static void main(String[] arguments) throws IOException {
            Random random = new Random(Long.parseLong(arguments[1]));
            try (BlobStore store = BlobStore.open(Path.of(arguments[0]), Long.MAX_VALUE)) {
                while (true) {
                    byte[] bytes = new byte[random.nextInt(MOST_BYTES)];
                    random.nextBytes(bytes);
                    System.out.println(store.put(new ByteArrayInputStream(bytes), Progress.none()));
                }
            }
        }
    }

    @Test
    void aKilledProcessLeavesWholeBlobsOrNone() throws IOException, InterruptedException {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        List<String> committed = new ArrayList<>();
        for (int kill = 0; kill < KILLS; kill++) {
            List<String> command = new ArrayList<>(List.of(
                    ProcessHandle.current().info().command().orElseThrow(),
                    "-cp",
                    System.getProperty("java.class.path")));
            command.addAll(
                    1,
                    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                            .filter(argument -> argument.startsWith("--"))
                            .toList());
            command.addAll(
                    List.of(Writer.class.getName(), folder.resolve("store").toString(), "" + random.nextLong()));
            Path printed = Files.createTempFile(folder, "printed", ".txt");
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .redirectOutput(printed.toFile())
                    .start();
            int before = 1 + random.nextInt(30);
            while (wholeLines(printed).size() < before) {
                assertTrue(process.isAlive(), "the writer goes on until it is killed");
                Thread.sleep(1);
            }
            Thread.sleep(random.nextInt(10));
            process.destroyForcibly().waitFor();
            committed.addAll(wholeLines(printed));
            requireWhole(committed);
        }
        assertTrue(committed.size() >= KILLS);
    }

    private static List<String> wholeLines(Path printed) throws IOException {
        String text = Files.readString(printed);
        return text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
    }

    private void requireWhole(List<String> committed) throws IOException {
        try (BlobStore store = BlobStore.open(folder.resolve("store"), Long.MAX_VALUE)) {
            for (String id : committed) {
                assertNotNull(store.stat(BlobIds.parse(id)), id);
            }
            for (BlobStat stat : store.list(null, Integer.MAX_VALUE)) {
                assertEquals(
                        List.of(),
                        store.scrub(stat.id(), Progress.none()),
                        stat.id().toString());
            }
            try (Stream<Path> begun = Files.list(folder.resolve("store").resolve("partial"))) {
                assertEquals(0, begun.count());
            }
        }
    }
}
