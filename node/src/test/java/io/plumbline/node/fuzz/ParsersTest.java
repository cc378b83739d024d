package io.plumbline.node.fuzz;

import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Every parser a stranger can reach refuses what is not right, in bounded time and memory. Here a fixed list of
 * changed inputs and what fuzzing has found before; {@code ./plumbline fuzz} looks for more, guided by coverage.
 */
class ParsersTest {
    private static final long SEED = 20_261_121;
    private static final int INPUTS = 400;

    /** Bytes of the longest input that is changed at every place. */
    private static final int MOST_EXTREMES = 4096;

    /** Inputs that once were met wrongly, in a folder for each parser. */
    private static final Path FOUND = Path.of("src/test/resources/fuzz");

    private static Parsers parsers;

    @BeforeAll
    static void open() throws IOException {
        parsers = new Parsers();
    }

    @AfterAll
    static void close() throws IOException {
        parsers.close();
    }

    @TestFactory
    Stream<DynamicTest> everyParserRefusesWhatIsNotRight() {
        return parsers.names()
                .map(name -> dynamicTest(
                        name, () -> assertTimeoutPreemptively(Duration.ofSeconds(60), () -> changed(name))));
    }

    /** Amounts, heights, times and lengths are longs: the largest in the place of each, and of all that is none. */
    @TestFactory
    Stream<DynamicTest> everyParserRefusesTheLargestNumberAnywhere() {
        return parsers.names()
                .map(name -> dynamicTest(
                        name, () -> assertTimeoutPreemptively(Duration.ofSeconds(60), () -> extremes(name))));
    }

    private static void extremes(String name) throws IOException {
        for (byte[] seed : parsers.seeds(name)) {
            if (seed.length > MOST_EXTREMES) {
                continue;
            }
            for (int at = 0; at + Long.BYTES <= seed.length; at++) {
                byte[] input = seed.clone();
                input[at] = 0x7F;
                Arrays.fill(input, at + 1, at + Long.BYTES, (byte) 0xFF);
                try {
                    parsers.run(name, input);
                } catch (RuntimeException | Error e) {
                    throw new AssertionError(name + ", the largest number at byte " + at, e);
                }
            }
        }
    }

    private static void changed(String name) throws IOException {
        Random random = new Random(SEED);
        List<byte[]> seeds = parsers.seeds(name);
        for (byte[] seed : seeds) {
            parsers.run(name, seed);
        }
        for (int i = 0; i < INPUTS; i++) {
            byte[] seed = seeds.get(random.nextInt(seeds.size()));
            byte[] input = change(random, seed);
            try {
                parsers.run(name, input);
            } catch (RuntimeException | Error e) {
                Path kept = Files.write(Path.of("target", name + "-" + i), input);
                throw new AssertionError(name + ", seed " + SEED + ", input " + i + ", kept as " + kept, e);
            }
        }
        Path found = FOUND.resolve(name);
        if (Files.isDirectory(found)) {
            try (Stream<Path> files = Files.list(found)) {
                for (Path file : files.toList()) {
                    parsers.run(name, Files.readAllBytes(file));
                }
            }
        }
    }

    /** A cut, an extension, flipped bits, or extreme numbers where lengths might stand. */
    private static byte[] change(Random random, byte[] seed) {
        byte[] input = seed.clone();
        switch (random.nextInt(4)) {
            case 0 -> input = Arrays.copyOf(input, random.nextInt(input.length + 1));
            case 1 -> input = Arrays.copyOf(input, input.length + 1 + random.nextInt(64));
            case 2 -> {
                for (int n = random.nextInt(8); n >= 0; n--) {
                    input[random.nextInt(input.length)] ^= (byte) (1 << random.nextInt(8));
                }
            }
            default -> {
                int[] extremes = {-1, Integer.MAX_VALUE, Integer.MIN_VALUE, 1 << 30, 0, 1 << 16};
                int at = random.nextInt(Math.max(1, input.length - 4));
                int value = extremes[random.nextInt(extremes.length)];
                for (int i = 0; i < 4 && at + i < input.length; i++) {
                    input[at + i] = (byte) (value >> 8 * i);
                }
            }
        }
        return input;
    }
}
