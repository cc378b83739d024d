package io.plumbline.benchmarks;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.benchmarks.jmh.Blake3Suite;
import io.plumbline.benchmarks.jmh.SuiteRun;
import io.plumbline.verifier.blake3.Blake3;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;

/**
 * Headline blake3: one core over a large file, beside the official b3sum; and smaller messages beside other Java
 * implementations.
 */
@Parameters(
        commandNames = "hash",
        commandDescription = "BLAKE3 on one core, beside b3sum and other Java implementations.")
final class HashBench implements Callable<Integer> {
    private static final double GB = 1e9;

    @Parameter(names = "--b3sum", description = "the official program; none to go without it")
    private String b3sum = "b3sum";

    @Parameter(names = "--mib", description = "size of the file")
    private int mib = 1024;

    @Parameter(names = "--dir", description = "DIR: where the file is made; memory where there is a file system of it")
    private Path dir = Files.isDirectory(Path.of("/dev/shm"))
            ? Path.of("/dev/shm")
            : Path.of(System.getProperty("java.io.tmpdir"));

    @Parameter(names = "--rounds", description = "readings")
    private int rounds = 7;

    @Parameter(names = "--results", description = "DIR: where results are written")
    private Path results = Path.of("benchmarks", "results");

    @Override
    public Integer call() throws Exception {
        ObjectNode details = new ObjectMapper().createObjectNode();
        SuiteRun.run(Blake3Suite.class, Map.of()).forEach((name, nanos) -> {
            String[] part = name.split(" ");
            double bytes = Integer.parseInt(part[1]);
            details.withObject("/" + (int) bytes / 1024 + " KiB, GB~1s")
                    .put(part[0], nanos.map(ns -> bytes / ns).toString());
        });
        System.out.println(details.toPrettyString());
        if (b3sum.equals("none")) {
            return 0;
        }
        Path file = Files.createTempFile(dir, "blake3", ".bin");
        try {
            write(file);
            double[] ours = new double[rounds];
            double[] theirs = new double[rounds];
            for (int i = -1; i < rounds; i++) {
                double start = seconds(() -> program(Path.of("/dev/null")));
                String[] found = new String[2];
                double our = seconds(() -> found[0] = mapped(file));
                double their = seconds(() -> found[1] = program(file)) - start;
                if (!found[0].equals(found[1])) {
                    throw new IOException("Two hashes of one file: " + found[0] + " and " + found[1] + ".");
                }
                if (i >= 0) {
                    ours[i] = mib * 1048576.0 / GB / our;
                    theirs[i] = mib * 1048576.0 / GB / their;
                }
            }
            String version = output(b3sum, "--version").strip();
            new BenchmarkResult(
                            "blake3",
                            new Readings(ours),
                            "GB/s on one core",
                            false,
                            version + ", one thread, its start taken off",
                            new Readings(theirs),
                            null,
                            "./plumbline bench hash",
                            details)
                    .write(results);
        } finally {
            Files.delete(file);
        }
        return 0;
    }

    private interface Work {
        void run() throws IOException;
    }

    private static double seconds(Work work) throws IOException {
        long begin = System.nanoTime();
        work.run();
        return (System.nanoTime() - begin) / 1e9;
    }

    private void write(Path file) throws IOException {
        byte[] block = new byte[1 << 20];
        Random random = new Random(2);
        try (var out = Files.newOutputStream(file)) {
            for (int i = 0; i < mib; i++) {
                random.nextBytes(block);
                out.write(block);
            }
        }
    }

    private static String mapped(Path file) throws IOException {
        try (Arena arena = Arena.ofConfined();
                FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            MemorySegment bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            return Blake3.hex(Blake3.plain().update(bytes).digest());
        }
    }

    private String program(Path file) throws IOException {
        return output(b3sum, "--num-threads", "1", file.toString()).split(" ")[0];
    }

    private static String output(String... command) throws IOException {
        Process process = new ProcessBuilder(command).start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            if (process.waitFor() != 0) {
                throw new IOException(String.format(Locale.ROOT, "%s ended with %d.", command[0], process.exitValue()));
            }
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
        return out;
    }
}
