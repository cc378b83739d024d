package io.plumbline.ledger.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.state.Command.OpenEscrow;
import io.plumbline.ledger.state.Command.RegisterNode;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The same log gives the same state on JVMs that hash, order and collect otherwise. */
class DeterminismTest {
    private static final int COMMANDS = 400;

    @TempDir
    Path folder;

    /** Replays a log and prints the state's root and the hash of its bytes after every hundredth command. */
    public static void main(String[] arguments) throws IOException {
        CanonicalReader in = new CanonicalReader(Files.readAllBytes(Path.of(arguments[0])), "log");
        LedgerState state = new LedgerState(Genesis.decode(in.getBytes("genesis")));
        for (int i = 1; in.hasMore(); i++) {
            long nowMs = in.getLong("time");
            state.apply(Signed.decode(in.getBytes("command")), nowMs);
            if (i % 7 == 0) {
                state.closeBlock(nowMs);
            }
            if (i % 100 == 0) {
                System.out.println(Blake3.hex(state.root()) + " " + Blake3.hex(Blake3.hash(state.encode())));
            }
        }
    }

    @Test
    void aRandomLogGivesTheSameRootsOnTwoJvms() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        List<KeyPair> people = Stream.generate(KeyPair::random).limit(9).toList();
        Genesis genesis = new Genesis(
                List.of(KeyPair.random().publicKey()),
                people.stream()
                        .map(keys -> new Genesis.Deposit(keys.publicKey(), 100_000))
                        .toList());
        Feed feed = new Feed(
                people.getFirst().publicKey(), "any", "", 0, 0, 1L << 40, 1_000, 1_000, 2, 1L << 30, Bytes32.ZERO, 5);
        CanonicalWriter log = new CanonicalWriter().putBytes(genesis.encode());
        log.putLong(0)
                .putBytes(Signed.of(genesis.hash(), people.getFirst(), 1000, new Command.DeclareFeed(feed))
                        .encode());
        long nowMs = 0;
        for (int i = 0; i < COMMANDS; i++) {
            nowMs += random.nextInt(3) == 0 ? random.nextInt(200_000) : random.nextInt(300);
            Bytes32 request = Bytes32.ZERO;
            random.nextBytes(request.bytes());
            Bytes32 someone = people.get(random.nextInt(9)).publicKey();
            Command command = switch (random.nextInt(16)) {
                case 0 -> new RegisterNode(1 + random.nextInt(900), Bytes32.ZERO, 2, "127.0.0.1", 9);
                case 1 -> new Command.Bond(1 + random.nextInt(50));
                case 2 -> new Command.Unbond(1 + random.nextInt(50));
                case 3 -> new Command.Withdraw(1 + random.nextInt(50), "home");
                case 4 -> new Command.RegisterDataNode(1 + random.nextInt(90), "127.0.0.1", 8);
                case 5 -> new Command.ReportFeed("feed " + random.nextInt(3), i, request.bytes());
                case 6 -> new Command.RegisterModel(request, "model", "");
                case 13 ->
                    new Command.ProposeDeal(new StorageTerms(
                            request, 5, StorageTerms.ANY_NODE, 1_000 + i, 9_000, 3_000, 1 + i % 9, 1, 2, 50));
                case 14 -> new Command.NameSuccessor(someone);
                case 15 -> Command.RotateKey.of(genesis.hash(), someone, people.get(random.nextInt(9)));
                case 7 -> new Command.DeclareFeed(feed);
                case 8 -> new Command.FundFeed(feed.id(), 1 + random.nextInt(30));
                case 9, 10, 11 ->
                    new Command.ReportValue(
                            feed.id(),
                            feed.round(nowMs),
                            random.nextInt(50),
                            nowMs,
                            nowMs,
                            request.bytes(),
                            request.bytes());
                default -> new OpenEscrow(request, someone, 5, 1, Level.FULL);
            };
            log.putLong(nowMs)
                    .putBytes(Signed.of(genesis.hash(), people.get(random.nextInt(9)), nowMs + 1000, command)
                            .encode());
        }
        Path file = folder.resolve("log");
        Files.write(file, log.toBytes());
        String one = replay(file, "-XX:+UseSerialGC", "-XX:hashCode=2");
        String other = replay(file, "-XX:+UseParallelGC", "-XX:hashCode=5", "-Xint");
        assertEquals(one, other, "seed " + seed);
        assertTrue(one.lines().count() == COMMANDS / 100, one);
    }

    private static String replay(Path file, String... flags) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.add("-XX:+UnlockExperimentalVMOptions");
        command.addAll(List.of(flags));
        command.addAll(List.of(
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                DeterminismTest.class.getName(),
                file.toString()));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), String.join(" ", flags));
        return out;
    }
}
