package io.plumbline.benchmarks.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.beust.jcommander.JCommander;
import com.beust.jcommander.ParameterException;
import io.plumbline.benchmarks.compare.Comparison.Verdict;
import io.plumbline.benchmarks.report.Headline;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompareTest {
    private static final String MACHINE = "One, 2 processors";

    @TempDir
    private Path folder;

    private static String json(double value, String spread, String machine, String readings, String root) {
        return "{\"headline\":\"x\",\"value\":" + value
                + ",\"unit\":\"tokens/s\",\"peer\":{\"name\":\"a\",\"value\":100},"
                + "\"ratio\":" + value / 100 + ",\"spread\":\"" + spread + "\",\"readings\":{\"ours\":[" + readings
                + "]},\"machine\":\"" + machine + "\",\"commit\":\"abc\",\"date\":\"2026-11-26\",\"command\":"
                + "\"./plumbline bench x\",\"details\":{\"traceRoot\":\"" + root + "\"}}";
    }

    private static Headline headline(double value, String spread, String machine) throws IOException {
        return Headline.parse(json(value, spread, machine, "", ""), "here");
    }

    private static Headline headline(double value, String readings) throws IOException {
        return Headline.parse(json(value, "", MACHINE, readings, ""), "here");
    }

    private static Verdict verdict(Headline before, Headline after) {
        return Comparison.of(before, after, Comparison.LEAST_CHANGE).verdict();
    }

    @Test
    void withoutReadingsAChangeIsOneWhereRangesDoNotOverlap() throws IOException {
        Headline before = headline(100, "95 to 105", MACHINE);
        assertEquals(Verdict.SAME, verdict(before, headline(104, "100 to 108", MACHINE)));
        assertEquals(Verdict.BETTER, verdict(before, headline(120, "110 to 125", MACHINE)));
        assertEquals(Verdict.WORSE, verdict(before, headline(80, "75 to 90", MACHINE)));
        assertEquals(Verdict.UNCLEAR, verdict(before, headline(80, "75 to 90", "Other")));
    }

    @Test
    void withReadingsAChangeIsOneThatChanceSeldomDeals() throws IOException {
        Headline before = headline(100, "97,99,100,101,103");
        assertEquals(Verdict.WORSE, verdict(before, headline(90, "88,89,90,91,98")), "ranges may overlap a little");
        assertEquals(Verdict.SAME, verdict(before, headline(97, "80,90,97,104,112")));
        assertEquals(
                Verdict.SAME, verdict(headline(1000, "1000,1000,1000,1000"), headline(1010, "1010,1010,1010,1010")));
    }

    @Test
    void twoTraceRootsAreNotCompared() throws IOException {
        Headline one = Headline.parse(json(100, "99 to 101", MACHINE, "", "aa"), "here");
        Headline other = Headline.parse(json(50, "49 to 51", MACHINE, "", "bb"), "here");
        assertEquals(Verdict.UNCLEAR, verdict(one, other));
        assertEquals(Verdict.WORSE, verdict(one, Headline.parse(json(50, "49 to 51", MACHINE, "", ""), "here")));
    }

    @Test
    void thePermutationTestCountsAllWaysToDeal() {
        // Of the six ways to deal four readings into two pairs, this one and its mirror are as far apart.
        assertEquals(2 / 6.0, PermutationTest.p(new double[] {1, 2}, new double[] {3, 4}), 1e-12);
        assertEquals(2 / 252.0, PermutationTest.p(new double[] {1, 2, 3, 4, 5}, new double[] {6, 7, 8, 9, 10}), 1e-12);
        assertEquals(1, PermutationTest.p(new double[] {5, 5, 5}, new double[] {5, 5, 5}), 1e-12);
    }

    /** Where nothing has changed, p is spread evenly: a twentieth of all comparisons is below a twentieth. */
    @Test
    void chanceAloneIsSeldomCalledAChange() {
        SplittableRandom random = new SplittableRandom(11);
        long called = IntStream.range(0, 2_000)
                .filter(i -> {
                    double[] all = random.doubles(10).toArray();
                    return PermutationTest.p(Arrays.copyOf(all, 5), Arrays.copyOfRange(all, 5, 10)) <= 0.05;
                })
                .count();
        assertTrue(called > 50 && called < 150, called + " of 2000");
        double drawn = PermutationTest.p(
                random.doubles(30).toArray(), random.doubles(30).toArray());
        assertTrue(drawn > 0 && drawn <= 1, "p " + drawn);
    }

    private static Turns.Side side(double value) {
        AtomicInteger round = new AtomicInteger();
        return () -> {
            double noise = new double[] {0.995, 1, 1.004, 0.998, 1.002}[round.getAndIncrement() % 5];
            return Map.of("x", headline(value * noise, ""));
        };
    }

    @Test
    void whatTheMachineDidMeanwhileIsDividedOut() throws Exception {
        double[] speed = {1};
        Turns.Side slowing = () -> {
            Map<String, Headline> measured = Map.of("x", headline(100 * speed[0], ""));
            speed[0] *= 0.9;
            return measured;
        };
        List<Comparison> same = new Turns(slowing, slowing, () -> speed[0], 5, 0.02).compare();
        assertEquals(Verdict.SAME, same.getFirst().verdict());
        assertEquals(1, same.getFirst().change(), 1e-9);
        assertEquals(
                Verdict.WORSE,
                new Turns(side(100), side(90), () -> 1, 5, 0.02)
                        .compare()
                        .getFirst()
                        .verdict());
        assertEquals(
                Verdict.SAME,
                new Turns(side(100), side(90), () -> 1, 5, 0.2)
                        .compare()
                        .getFirst()
                        .verdict());
    }

    @Test
    void aChangeThatDoesNotComeAgainIsNone() throws Exception {
        AtomicInteger measured = new AtomicInteger();
        Turns.Side once = () -> Map.of("x", headline(measured.getAndIncrement() < 5 ? 80 : 100, ""));
        assertEquals(
                Verdict.SAME,
                new Turns(side(100), once, () -> 1, 5, 0.02)
                        .compare()
                        .getFirst()
                        .verdict());
        assertEquals(10, measured.get(), "it was measured again");
    }

    private int compare(Path home, String... words) throws IOException, InterruptedException {
        CompareCommand compare = new CompareCommand(home, () -> 1);
        JCommander.newBuilder().addObject(compare).build().parse(words);
        return compare.call();
    }

    @Test
    void foldersAreComparedAndTheExitCodeSaysWhetherOneIsWorse() throws Exception {
        Path before = Files.createDirectory(folder.resolve("before"));
        Path after = Files.createDirectory(folder.resolve("after"));
        Files.writeString(before.resolve("x.json"), json(100, "95 to 105", MACHINE, "", ""));
        Files.writeString(after.resolve("x.json"), json(80, "75 to 85", MACHINE, "", ""));
        assertEquals(1, compare(folder, before.toString(), after.toString()));
        assertEquals(0, compare(folder, after.toString(), before.toString()));
        assertThrows(ParameterException.class, () -> compare(folder, before.toString()));
        assertThrows(ParameterException.class, () -> compare(folder, before.toString(), "nowhere"));
        Files.move(after.resolve("x.json"), after.resolve("y.json"));
        Files.writeString(
                after.resolve("y.json"), json(80, "75 to 85", MACHINE, "", "").replace("\"x\"", "\"y\""));
        assertThrows(IOException.class, () -> compare(folder, before.toString(), after.toString()));
    }

    private void git(String... words) throws IOException, InterruptedException {
        String[] command = new String[words.length + 5];
        System.arraycopy(new String[] {"git", "-c", "user.name=x", "-c", "user.email=x@localhost"}, 0, command, 0, 5);
        System.arraycopy(words, 0, command, 5, words.length);
        Process process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), said);
    }

    /** A repository whose measurement is a script: what is checked out, built and run is what counts here. */
    private void commit(double value) throws IOException, InterruptedException {
        Path results = Files.createDirectories(folder.resolve("benchmarks").resolve("results"));
        Files.writeString(results.resolve("x.json"), json(value, "", MACHINE, "", ""));
        Files.writeString(folder.resolve("plumbline"), """
                while [ $# -gt 0 ]; do
                    if [ "$1" = --results ]; then
                        mkdir -p "$2" && cp benchmarks/results/x.json "$2"
                    fi
                    shift
                done
                """);
        git("add", ".");
        git("commit", "-q", "-m", "x");
    }

    @Test
    @Tag("slow")
    void twoCommitsAreMeasuredInTurnsEachInItsOwnCheckout() throws Exception {
        git("init", "-q");
        commit(100);
        commit(80);
        assertEquals(1, compare(folder, "HEAD~1", "HEAD", "--suite", "x", "--noise-floor", "0.1"));
        assertEquals(0, compare(folder, "HEAD", "HEAD~1", "--suite", "x", "--rounds", "4"));
        String unknown = assertThrows(IOException.class, () -> compare(folder, "HEAD", "nothing", "--suite", "x"))
                .getMessage();
        assertEquals("nothing is neither a folder of results nor a commit of this repository.", unknown);
        assertThrows(ParameterException.class, () -> compare(folder, "HEAD~1", "HEAD"));
        assertThrows(IOException.class, () -> compare(folder, "HEAD~1", "HEAD", "--suite", "y"));
    }
}
