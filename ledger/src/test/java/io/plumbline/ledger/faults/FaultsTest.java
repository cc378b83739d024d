package io.plumbline.ledger.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * Four full nodes and a client, each a process on a host of its own (network namespaces), under load while things
 * break. After each fault: money adds up, what was acknowledged is applied and nothing twice, no number has two
 * certificates, roots agree. One ledger goes through all of it.
 */
@Tag("slow")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class FaultsTest {
    private static final int MEMBERS = 4;
    private static final int CLIENT = 4;
    private static final int PORT = 9000;
    private static final long MONEY = 100_000_000;
    private static final long BOND = 1_000;
    private static final int PAGE_BYTES = 4096;

    @TempDir
    static Path folder;

    private static Namespaces hosts;
    private static final List<KeyPair> KEYS = new ArrayList<>();
    private static final ChildProcess[] members = new ChildProcess[MEMBERS];
    private static final Map<String, String> certified = new ConcurrentHashMap<>();
    private static final ConcurrentLinkedQueue<String> forks = new ConcurrentLinkedQueue<>();
    private static final ConcurrentLinkedQueue<String> heard = new ConcurrentLinkedQueue<>();
    private static ChildProcess load;
    private static String addresses;

    @BeforeAll
    static void start() throws Exception {
        assumeTrue(
                !System.getProperty("plumbline.faults", "true").equals("false"),
                "Faults were not tried: -Dplumbline.faults=false said so.");
        assumeTrue(
                Namespaces.areThere(),
                "Faults are tried in network namespaces, which takes root and ip(8). They were not tried.");
        hosts = new Namespaces(MEMBERS + 1);
        List<String> places = new ArrayList<>();
        for (int i = 0; i < MEMBERS; i++) {
            KEYS.add(KeyPair.random());
            places.add(Namespaces.address(i) + ":" + PORT);
        }
        addresses = String.join(",", places);
        Genesis genesis = new Genesis(
                KEYS.stream().map(KeyPair::publicKey).toList(),
                BOND,
                Bytes32.ZERO,
                List.of(new Genesis.Deposit(FaultLoad.SAVER.publicKey(), MONEY)),
                Parameters.DEFAULT);
        Files.write(folder.resolve("genesis"), genesis.encode());
        allAgain();
        load = new ChildProcess(
                "load",
                hosts.name("h" + CLIENT),
                FaultLoad.class,
                List.of(),
                List.of(
                        folder.resolve("genesis").toString(),
                        addresses,
                        Namespaces.address(CLIENT),
                        folder.resolve("load").toString()),
                line -> {});
        load.await("started");
        settle("at first");
    }

    private static void launch(int i, String lie) throws IOException {
        launch(i, lie, addresses, List.of());
    }

    private static void launch(int i, String lie, String seen, List<String> options) throws IOException {
        List<String> arguments = new ArrayList<>(List.of(
                "" + i,
                folder.resolve("genesis").toString(),
                HexFormat.of().formatHex(KEYS.get(i).secret()),
                folder.resolve("member" + i).toString(),
                seen));
        if (!lie.isEmpty()) {
            arguments.add(lie);
        }
        members[i] = new ChildProcess(
                "member " + i, hosts.name("h" + i), FaultMember.class, options, arguments, line -> hear(i, line));
    }

    private static void hear(int member, String line) {
        heard.add(member + ": " + line);
        String[] words = line.split(" ");
        if (words[0].equals("certified")) {
            String before = certified.putIfAbsent(words[1], words[2]);
            if (before != null && !before.equals(words[2])) {
                forks.add("block " + words[1] + " is certified twice");
            }
        }
    }

    @AfterAll
    static void end() throws Exception {
        for (ChildProcess child : members) {
            if (child != null) {
                child.signal("KILL");
            }
        }
        if (load != null) {
            load.signal("KILL");
        }
        if (hosts != null) {
            hosts.close();
        }
    }

    private static int leader() throws Exception {
        long end = System.currentTimeMillis() + 120_000;
        while (System.currentTimeMillis() < end) {
            for (int i = 0; i < MEMBERS; i++) {
                if (members[i].isAlive() && members[i].ask("leads").equals("true")) {
                    return i;
                }
            }
            Thread.sleep(100);
        }
        throw new IllegalStateException("Nobody leads: " + tail());
    }

    private static int follower() throws Exception {
        return (leader() + 1) % MEMBERS;
    }

    private static String tail() {
        List<String> all = new ArrayList<>(heard);
        all.removeIf(line -> line.contains("certified") || line.contains(" state "));
        return String.join("\n", all.subList(Math.max(0, all.size() - 30), all.size()));
    }

    private static long acknowledged() throws Exception {
        return Long.parseLong(load.ask("counted").split(" ")[0]);
    }

    /** Waits until the load goes on. */
    private static void flows(String when) throws Exception {
        long before = acknowledged();
        long end = System.currentTimeMillis() + 60_000;
        while (acknowledged() < before + 20) {
            assertTrue(System.currentTimeMillis() < end, when + ": nothing is acknowledged any more\n" + tail());
            Thread.sleep(50);
        }
    }

    /** With all members there: that what must hold holds. */
    private static void settle(String when) throws Exception {
        flows(when);
        load.tell("pause");
        String[] counted = load.await("counted").split(" ");
        long acknowledged = Long.parseLong(counted[0]);
        long unknown = Long.parseLong(counted[1]);
        List<String[]> states = List.of();
        long end = System.currentTimeMillis() + 60_000;
        do {
            assertTrue(
                    System.currentTimeMillis() < end, when + ": members do not agree: " + show(states) + "\n" + tail());
            Thread.sleep(100);
            states = new ArrayList<>();
            for (ChildProcess member : members) {
                states.add(member.ask("state").split(" "));
            }
        } while (states.stream().map(state -> state[0] + state[1]).distinct().count() > 1);
        for (String[] state : states) {
            assertEquals(state[3], state[2], when + ": money is neither made nor lost");
        }
        long stake = Long.parseLong(states.getFirst()[4]);
        assertTrue(
                stake >= acknowledged && stake <= acknowledged + unknown,
                when + ": " + acknowledged + " acknowledged, " + unknown + " unknown, " + stake + " applied");
        assertEquals(List.of(), List.copyOf(forks), when);
        load.tell("go");
        load.await("going");
    }

    private static String show(List<String[]> states) {
        return String.join(
                "; ", states.stream().map(state -> String.join(" ", state)).toList());
    }

    private static void kill(int member) throws Exception {
        members[member].signal("KILL");
    }

    private static void again(int member) throws Exception {
        launch(member, "");
        members[member].await("started");
    }

    private static void allAgain() throws Exception {
        for (int i = 0; i < MEMBERS; i++) {
            launch(i, "");
        }
        awaitAll();
    }

    private static void awaitAll() throws Exception {
        for (ChildProcess member : members) {
            member.await("started");
        }
    }

    private static void wipe(Path place) throws IOException {
        try (Stream<Path> files = Files.walk(place)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                // What it has signed must outlive all else.
                if (!file.equals(place) && !file.equals(place.resolve("votes"))) {
                    Files.delete(file);
                }
            }
        }
    }

    @Test
    @Order(1)
    void theLeaderIsKilledUnderLoadAndComesBackAtOnce() throws Exception {
        int leader = leader();
        kill(leader);
        flows("without its leader");
        assertNotEquals(leader, leader());
        again(leader);
        settle("after the leader came back");
    }

    @Test
    @Order(2)
    void aFollowerIsKilledAndWiped() throws Exception {
        int follower = follower();
        kill(follower);
        wipe(folder.resolve("member" + follower));
        flows("without a follower");
        again(follower);
        settle("after a blank member caught up");
    }

    @Test
    @Order(3)
    void theLeaderIsCutOffAloneAndLaterWithHalf() throws Exception {
        int leader = leader();
        for (int i = 0; i <= MEMBERS; i++) {
            if (i != leader) {
                hosts.cut(leader, i);
                hosts.cut(i, leader);
            }
        }
        Thread.sleep(1_500);
        flows("with the leader cut off");
        hosts.heal();
        settle("after the leader was cut off");
        leader = leader();
        int other = (leader + 1) % MEMBERS;
        for (int i = 0; i < MEMBERS; i++) {
            for (int j = 0; j < MEMBERS; j++) {
                if ((i == leader || i == other) != (j == leader || j == other)) {
                    hosts.cut(i, j);
                }
            }
        }
        Thread.sleep(4_000);
        long before = acknowledged();
        Thread.sleep(1_500);
        assertEquals(before, acknowledged(), "half of four are no majority");
        hosts.heal();
        settle("after two and two were cut off");
    }

    @Test
    @Order(4)
    void theLeaderIsHeardAndHearsNothing() throws Exception {
        int leader = leader();
        for (int i = 0; i < MEMBERS; i++) {
            if (i != leader) {
                hosts.cut(leader, i);
            }
        }
        Thread.sleep(5_000);
        hosts.heal();
        settle("after the leader heard nothing");
    }

    @Test
    @Order(5)
    void datagramsAreLostDoubledAndOvertakeEachOther() throws Exception {
        // It misses a term, and has its log replicated over the bad network.
        int behind = follower();
        kill(behind);
        flows("without a follower");
        List<String> ways = new ArrayList<>(List.of("20261121"));
        for (int i = 0; i < MEMBERS; i++) {
            for (int j = 0; j < MEMBERS; j++) {
                if (i != j) {
                    hosts.alias(alias(i, j));
                    // It comes from where the other sees this one: members hear nobody else.
                    ways.add(alias(i, j) + "," + alias(j, i) + "@" + Namespaces.address(j) + ":" + PORT);
                }
            }
        }
        ChildProcess relay = new ChildProcess("relay", hosts.name("r"), Relay.class, List.of(), ways, line -> {});
        try {
            relay.await("started");
            for (int i = 0; i < MEMBERS; i++) {
                kill(i);
            }
            for (int i = 0; i < MEMBERS; i++) {
                launch(i, "", names(i), List.of("-Djdk.net.hosts.file=" + aliases(i)));
            }
            awaitAll();
            flows("on a bad network");
            Thread.sleep(5_000);
            settle("on a bad network");
        } finally {
            relay.signal("KILL");
            for (int i = 0; i < MEMBERS; i++) {
                kill(i);
            }
            allAgain();
        }
        settle("after a bad network");
    }

    /** Where one member sees another. */
    private static String alias(int member, int other) {
        return "10.77.200." + (1 + member * MEMBERS + other);
    }

    /** The members as one of them is told of them: the others by their names. */
    private static String names(int member) {
        List<String> places = new ArrayList<>();
        for (int i = 0; i < MEMBERS; i++) {
            places.add((i == member ? Namespaces.address(i) : "member" + i) + ":" + PORT);
        }
        return String.join(",", places);
    }

    /**
     * What names mean to a member: first, where it sees the other. And the other's own address: an archive sends what
     * is replicated to the address that asked for it, past the relay.
     */
    private static Path aliases(int member) throws IOException {
        List<String> lines = new ArrayList<>(List.of("127.0.0.1 localhost"));
        for (int i = 0; i < MEMBERS; i++) {
            if (i != member) {
                lines.add(alias(member, i) + " member" + i);
                lines.add(Namespaces.address(i) + " member" + i);
            }
        }
        return Files.write(folder.resolve("hosts" + member), lines);
    }

    @Test
    @Order(6)
    void theLeaderPausesAndGoesOn() throws Exception {
        int leader = leader();
        members[leader].signal("STOP");
        try {
            Thread.sleep(2_500);
            flows("with the leader paused");
        } finally {
            members[leader].signal("CONT");
        }
        settle("after the leader went on");
    }

    @Test
    @Order(7)
    void aMemberIsKilledDuringASnapshotAndAgainWhileItStarts() throws Exception {
        int leader = leader();
        members[leader].tell("snapshot");
        kill(leader);
        launch(leader, "");
        Thread.sleep(700);
        kill(leader);
        again(leader);
        settle("after kills during a snapshot and a start");
        int follower = follower();
        snapshot(follower);
        kill(follower);
        again(follower);
        settle("after a start from a snapshot");
    }

    /** Has the leader take a snapshot, and all members with it, and waits until {@code member} has. */
    private static void snapshot(int member) throws Exception {
        String before = members[member].ask("snapshots");
        assertEquals("true", members[leader()].ask("snapshot"));
        long end = System.currentTimeMillis() + 120_000;
        while (members[member].ask("snapshots").equals(before)) {
            assertTrue(System.currentTimeMillis() < end, "no snapshot was taken\n" + tail());
            Thread.sleep(50);
        }
    }

    /** Recordings, the smallest first: snapshots, then the log. */
    private static List<Path> recordings(int member) throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve("member" + member).resolve("archive"))) {
            return files.filter(file -> file.toString().endsWith(".rec"))
                    .sorted(Comparator.comparing(Path::getFileName))
                    .toList();
        }
    }

    @Test
    @Order(8)
    void aDamagedSnapshotIsNotServedFrom() throws Exception {
        int member = follower();
        kill(member);
        List<Path> snapshots = recordings(member).stream()
                .filter(file -> !file.getFileName().toString().startsWith("0-"))
                .toList();
        int flipped = 0;
        for (Path recording : snapshots) {
            flipped += flip(recording, 0x50);
        }
        assertTrue(flipped > 0, "there is a snapshot to damage: " + snapshots);
        refuses(member);
    }

    @Test
    @Order(9)
    void aDamagedLogIsNotReplayed() throws Exception {
        int member = follower();
        kill(member);
        int flipped = 0;
        for (Path recording : recordings(member)) {
            flipped += recording.getFileName().toString().startsWith("0-") ? flip(recording, 0x2000) : 0;
        }
        assertTrue(flipped > 0);
        refuses(member);
    }

    /** Does not start on what is damaged, says why, does not linger; and comes back when its folder is emptied. */
    private static void refuses(int member) throws Exception {
        heard.clear();
        launch(member, "");
        assertNotEquals(0, members[member].awaitEnd(), "it must not serve from what is damaged");
        assertTrue(heard.stream().anyMatch(line -> line.contains("damaged") || line.contains("hecksum")), tail());
        wipe(folder.resolve("member" + member));
        again(member);
        settle("after a damaged disk");
    }

    @Test
    @Order(10)
    void theEndOfTheLogIsTorn() throws Exception {
        int member = follower();
        kill(member);
        Path log = lastOfLog(member);
        byte[] bytes = Files.readAllBytes(log);
        int end = bytes.length;
        while (end > 0 && bytes[end - 1] == 0) {
            end--;
        }
        assertTrue(end > 100, log + " has " + end + " bytes");
        // The power went while the last page was on its way to the disk: what begins before it is not whole.
        Arrays.fill(bytes, (end - 100) / PAGE_BYTES * PAGE_BYTES, end, (byte) 0);
        Files.write(log, bytes);
        again(member);
        settle("after a torn end");
    }

    /** The file in which the log ends: a name is the recording, a dash, and the position that the file begins at. */
    private static Path lastOfLog(int member) throws IOException {
        return recordings(member).stream()
                .filter(file -> file.getFileName().toString().startsWith("0-"))
                .max(Comparator.comparingLong(
                        file -> Long.parseLong(file.getFileName().toString().split("[-.]")[1])))
                .orElseThrow();
    }

    private static int flip(Path recording, int every) throws IOException {
        byte[] bytes = Files.readAllBytes(recording);
        int flipped = 0;
        Random random = new Random(7);
        for (int at = 0x40; at < bytes.length; at += every) {
            if (bytes[at] != 0) {
                bytes[at] ^= (byte) (1 << random.nextInt(8));
                flipped++;
            }
        }
        Files.write(recording, bytes);
        return flipped;
    }

    @Test
    @Order(11)
    void theClockOfTheLeaderStepsBackAndAhead() throws Exception {
        int leader = leader();
        members[leader].ask("clock -7200000");
        flows("with a leader in the past");
        settle("with a leader in the past");
        members[leader].ask("clock 0");
        settle("with a leader back in time");
    }

    /** To sign another block is no offence, it counts for nothing; to sign two of one number takes the stake. */
    @Test
    @Order(12)
    void aMemberThatSignsAWrongRootHarmsNothingAndOneThatSignsTwiceLosesItsStake() throws Exception {
        int liar = follower();
        for (String lie : List.of("wrong", "twice")) {
            kill(liar);
            launch(liar, lie);
            members[liar].await("started");
            settle("with a member that lies: " + lie);
        }
        // Which of its two votes comes before the block is certified is chance; over many blocks both do.
        long end = System.currentTimeMillis() + 60_000;
        for (String guilty = ""; !guilty.equals("[" + liar + "]"); guilty = guilty()) {
            assertTrue(System.currentTimeMillis() < end, "guilty: " + guilty + "\n" + tail());
            Thread.sleep(100);
        }
        kill(liar);
        again(liar);
        settle("after the liar left");
        assertFalse(certified.isEmpty());
        assertEquals(Collections.emptyList(), List.copyOf(forks));
    }

    private static String guilty() throws Exception {
        return members[leader()].ask("state").split(" ")[6];
    }

    @Test
    @Order(14)
    void aDiskIsLostAfterTheOthersDroppedTheLogsBeginning() throws Exception {
        // Several files of it, or there is nothing to drop.
        while (acknowledged() < 4_000) {
            flows("while the log grows");
        }
        for (int i = 0; i < 3; i++) {
            snapshot(leader());
            flows("between snapshots");
        }
        for (ChildProcess member : members) {
            long start = Long.parseLong(member.ask("purge"));
            assertTrue(start > 0, "the log begins at " + start);
        }
        int member = follower();
        kill(member);
        wipe(folder.resolve("member" + member));
        flows("with a disk lost");
        launch(member, "");
        assertTrue(Long.parseLong(members[member].await("copied")) > 0, tail());
        members[member].await("started");
        settle("after a disk was lost");
    }

    @Test
    @Order(13)
    void aDiskIsFull() throws Exception {
        int member = follower();
        kill(member);
        Path place = folder.resolve("member" + member);
        Path saved = Files.copy(place.resolve("votes"), folder.resolve("votes"));
        wipe(place);
        Namespaces.mount(place, "400m");
        try {
            Files.copy(saved, place.resolve("votes"));
            again(member);
            FileStore disk = Files.getFileStore(place);
            // It runs, and has no room but for some of the log.
            Namespaces.resize(place, (disk.getTotalSpace() - disk.getUsableSpace() >> 10) + 256 + "k");
            assertNotEquals(0, members[member].awaitEnd(), "it ends when its disk is full");
            flows("with a full disk");
            Namespaces.resize(place, "400m");
            again(member);
            try {
                settle("after there was space again");
            } catch (IllegalStateException e) {
                // What was being written when there was no space may be damaged; it says so, and begins anew.
                assertTrue(heard.stream().anyMatch(line -> line.contains("is damaged")), tail());
                assertNotEquals(0, members[member].awaitEnd());
                load.tell("go");
                wipe(place);
                again(member);
                settle("after it began anew");
            }
            kill(member);
            // What it has signed since, too.
            Files.copy(place.resolve("votes"), saved, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Namespaces.unmount(place);
        }
        Files.copy(saved, place.resolve("votes"), StandardCopyOption.REPLACE_EXISTING);
        again(member);
        settle("with a disk of its own again");
    }
}
