package io.plumbline.ledger.cluster;

import static io.plumbline.ledger.Money.FULL_NODES;
import static io.plumbline.ledger.Money.MODEL;
import static io.plumbline.ledger.Money.NODE;
import static io.plumbline.ledger.Money.REQUESTER;
import static io.plumbline.ledger.Money.genesis;
import static io.plumbline.ledger.Money.receipt;
import static io.plumbline.ledger.Money.request;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.aeron.driver.MediaDriver;
import io.aeron.exceptions.RegistrationException;
import io.plumbline.ledger.order.LedgerStatus;
import io.plumbline.ledger.order.PipelinedSequencer;
import io.plumbline.ledger.order.Query;
import io.plumbline.ledger.order.Replica;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Command.CommitVerdict;
import io.plumbline.ledger.state.Command.OpenEscrow;
import io.plumbline.ledger.state.Command.RegisterNode;
import io.plumbline.ledger.state.Command.RevealVerdict;
import io.plumbline.ledger.state.Command.SubmitReceipt;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.Node;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.ledger.state.Signed;
import io.plumbline.ledger.state.Verdict;
import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Identity;
import io.plumbline.transport.Media;
import io.plumbline.transport.Ports;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.agrona.concurrent.AgentRunner;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Three members in one JVM, real Aeron, real disks. */
@Tag("slow")
class ClusterTest {
    @TempDir
    Path folder;

    private static final Verdict GOOD = new Verdict(Opinion.GOOD, "", "", new byte[32], new byte[32]);

    private final List<String> addresses = new ArrayList<>();
    private final List<Member> members = new ArrayList<>();
    private final List<Voter> voters = new CopyOnWriteArrayList<>();

    /** More that sign with the first one's key. */
    private final List<Voter> twins = new CopyOnWriteArrayList<>();

    private final List<LedgerService> services = new ArrayList<>();
    private final ConcurrentLinkedQueue<String> failures = new ConcurrentLinkedQueue<>();
    private final ConcurrentLinkedQueue<String> heard = new ConcurrentLinkedQueue<>();
    private final ConcurrentLinkedQueue<String> withheld = new ConcurrentLinkedQueue<>();
    private final List<IngressAddress> ingresses = new ArrayList<>();
    private final List<AgentRunner> runners = new ArrayList<>();
    private MediaDriver driver;
    private Media media;
    private final Map<Bytes32, LedgerClient> clients = new HashMap<>();
    private LedgerClient client;

    @BeforeEach
    void start() throws IOException {
        int base = Ports.free(3 * (Member.PORTS + 1));
        for (int i = 0; i < 3; i++) {
            addresses.add("localhost:" + (base + i * Member.PORTS));
            ingresses.add(new IngressAddress(
                    "localhost:" + (base + 3 * Member.PORTS + i),
                    FULL_NODES.get(i).publicKey()));
        }
        Set<InetAddress> here = Set.of(InetAddress.getByName("localhost"));
        driver = MediaDriver.launch(Drivers.context(folder.resolve("client"), () -> here));
        media = new Media(folder.resolve("outside"), e -> failures.add("media: " + e), () -> {});
        launch();
    }

    /**
     * At a port that an endpoint may just have left: its driver gives it up some time after it is closed, and who looks
     * for free ports holds each for a moment.
     */
    private Endpoint ingress(int port, KeyPair keys, Endpoint.Protocol protocol) {
        for (long end = System.nanoTime() + 10_000_000_000L; ; LockSupport.parkNanos(20_000_000)) {
            try {
                Identity identity = new Identity(keys::sign, keys.publicKey().bytes());
                return new Endpoint(media.aeron(), "localhost", port, identity, protocol);
            } catch (RegistrationException e) {
                if (System.nanoTime() > end) {
                    throw e;
                }
            }
        }
    }

    private void launch() throws IOException {
        voters.clear();
        services.clear();
        for (int i = 0; i < 3; i++) {
            Files.createDirectories(folder);
            voters.add(new Voter(
                    FULL_NODES.get(i), genesis().hash(), 3, folder.resolve("votes" + i), e -> withheld.add("" + e)));
        }
        for (int i = 0; i < 3; i++) {
            int id = i;
            LedgerService service = new LedgerService(genesis(), new Replica.Listener() {
                @Override
                public void onAudit(Settlement ordered, Node node) {
                    heard.add(id + " at " + node.host());
                }

                @Override
                public void onBlock(BlockHeader header, long epoch, Collection<EpochStatement> statements) {
                    voters.get(id).onBlock(header, epoch, statements);
                    twins.forEach(twin -> twin.onBlock(header, epoch, statements));
                }

                @Override
                public void onVote(Command.CastVote vote) {
                    voters.get(id).onVote(vote);
                    twins.forEach(twin -> twin.onVote(vote));
                }

                @Override
                public void onCertified(BlockHeader header, Certificate certificate) {
                    voters.get(id).onCertified(header.number(), certificate);
                    twins.forEach(twin -> twin.onCertified(header.number(), certificate));
                }
            });
            services.add(service);
            members.add(new Member(
                    new Member.Place(i, addresses, folder.resolve("member" + i), FULL_NODES.get(i), genesis()),
                    service,
                    e -> failures.add("member " + id + ": " + e),
                    () -> failures.add("member " + id + " ended")));
            KeyPair keys = FULL_NODES.get(i);
            ClusterSequencer cluster = session(keys);
            clients.put(
                    keys.publicKey(), new LedgerClient(cluster, keys, genesis().hash()));
            Endpoint ingress = ingress(
                    ingresses.get(i).port(),
                    keys,
                    new LedgerIngress(cluster, service.admission(), members.get(i)::logStart).protocol());
            runners.add(new AgentRunner(
                    Drivers.idle(media.directory()), e -> failures.add("ingress: " + e), null, ingress));
            AgentRunner.startOnThread(runners.getLast());
        }
        for (KeyPair keys : List.of(REQUESTER, NODE)) {
            clients.put(
                    keys.publicKey(),
                    new LedgerClient(remote(keys), keys, genesis().hash()));
        }
        client = of(REQUESTER);
        for (int i = 0; i < 3; i++) {
            voters.get(i).begin(of(FULL_NODES.get(i)), services.get(i)::signingSeen);
        }
    }

    private ClusterSequencer session(KeyPair keys) {
        return new ClusterSequencer(
                driver.aeronDirectoryName(),
                Member.ingressEndpoints(addresses),
                "localhost",
                keys,
                genesis().hash());
    }

    private RemoteSequencer remote(KeyPair keys) {
        return new RemoteSequencer(media.directory(), "localhost", keys, ingresses);
    }

    private LedgerClient of(KeyPair keys) {
        return clients.get(keys.publicKey());
    }

    private void closeClients() {
        clients.values().forEach(LedgerClient::close);
        clients.clear();
        runners.forEach(AgentRunner::close);
        runners.clear();
    }

    /** The case as a quorum has signed it, or null; checked as a light client does. */
    private CertifiedEntry certified() {
        try {
            CertifiedEntry entry = client.prove(Kind.SETTLEMENT, Bytes32.of(request(1)));
            if (entry != null) {
                assertNull(entry.fault(genesis().hash(), genesis().fullNodes()));
            }
            return entry == null || entry.value() == null ? null : entry;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @AfterEach
    void stop() {
        voters.forEach(Voter::close);
        twins.forEach(Voter::close);
        closeClients();
        members.forEach(Member::close);
        media.close();
        driver.close();
    }

    private void applied(Command command, KeyPair keys) throws IOException {
        LedgerClient.Outcome outcome = of(keys).submit(command);
        assertTrue(outcome.isApplied(), outcome.reason());
    }

    private Status status() {
        try {
            return client.findSettlement(Bytes32.of(request(1))).status();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void commit(KeyPair auditor) throws IOException {
        applied(
                new CommitVerdict(
                        Bytes32.of(request(1)), 0, GOOD.commitment(Bytes32.of(request(1)), 0, auditor.publicKey())),
                auditor);
    }

    private void await(String what, BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + 120_000_000_000L;
        while (!condition.getAsBoolean()) {
            assertTrue(
                    System.nanoTime() < end,
                    () -> "waited two minutes for " + what + "; votes: "
                            + voters.stream().map(Voter::votes).toList() + ", withheld: " + withheld + ", failures: "
                            + failures);
            Thread.sleep(20);
        }
    }

    @Test
    void whatIsNotSignedIsNotOrderedAndWhoIsNoFullNodeHasNoSession() throws Exception {
        try (RemoteSequencer remote = remote(REQUESTER)) {
            Signed signed =
                    Signed.of(genesis().hash(), REQUESTER, System.currentTimeMillis() + 60_000, new Command.Bond(5));
            byte[] forged = signed.encode();
            forged[forged.length - 1] ^= 1;
            // Each full node looks for a command of its own in the order before it signs.
            await("the full nodes to begin", () -> height() >= FULL_NODES.size());
            long height = height();
            assertEquals(
                    List.of("the signature does not hold"),
                    remote.submit(forged).reasons());
            assertEquals(1, remote.submit(new byte[5]).reasons().size());
            assertEquals(height, client.status().height(), "it was refused at the ingress");
            assertNull(remote.submit(signed.encode()).reasons().getFirst());
            assertNull(remote.submit(signed.encode()).reasons().getFirst(), "the first answer again");
            assertEquals(5, client.account(REQUESTER.publicKey()).stake());
        }
        try (ClusterSequencer stranger = session(REQUESTER)) {
            String why = assertThrows(IOException.class, () -> stranger.ask(Query.ROOT, new byte[0]))
                    .getMessage();
            assertTrue(why.contains("full nodes"), why);
        }
    }

    /** Strangers' commands wait behind the full node's own. */
    @Test
    void aFullNodesOwnCommandsGoFirst() throws Exception {
        try (ClusterSequencer session = session(FULL_NODES.getFirst())) {
            byte[] bond = Signed.of(
                            genesis().hash(), REQUESTER, System.currentTimeMillis() + 60_000, new Command.Bond(5))
                    .encode();
            List<String> answered = Collections.synchronizedList(new ArrayList<>());
            List<CompletableFuture<?>> all = new ArrayList<>();
            PipelinedSequencer others = session.forOthers();
            // All are there before its session is, which takes some round trips.
            for (int i = 0; i < 2_000; i++) {
                all.add(others.submitLater(bond).thenRun(() -> answered.add("another")));
            }
            all.add(session.askLater(Query.ROOT, new byte[0]).thenRun(() -> answered.add("own")));
            CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)).get(120, TimeUnit.SECONDS);
            assertTrue(answered.indexOf("own") < 1_000, "after " + answered.indexOf("own") + " others");
        }
    }

    @Test
    void settlesSurvivesTheLossOfItsLeaderAndRestartsFromASnapshot() throws Exception {
        // One that begins behind the first block signs only when the others have certified without it, which two of
        // them
        // cannot once the third is gone.
        AtomicInteger blocks = new AtomicInteger();
        await("every full node to sign", () -> {
            blocks.incrementAndGet();
            return isSoAfterABlock(() -> voters.stream().allMatch(voter -> voter.votes() > 0));
        });
        long rest = 999_850 - blocks.get();
        applied(new RegisterNode(50_000, MODEL, 2, "127.0.0.1", 9000), NODE);
        applied(new OpenEscrow(Bytes32.of(request(1)), NODE.publicKey(), 2, 250, Level.FULL), REQUESTER);
        applied(new SubmitReceipt(receipt(1, 150)), NODE);
        await("every member to hear of the receipt", () -> heard.size() == 3);
        // Two of three commit; the cluster's own clock says when the third has had its time.
        commit(FULL_NODES.get(0));
        commit(FULL_NODES.get(1));

        await("a leader", () -> members.stream().anyMatch(Member::leads));
        Member leader = members.stream().filter(Member::leads).findFirst().orElseThrow();
        int leads = members.indexOf(leader);
        assertTrue(leader.snapshot());
        await("a snapshot", () -> leader.snapshots() > 0);
        leader.close();
        members.remove(leader);
        // Whoever was let in by its ingress knocks at another.
        runners.remove(leads).close();
        await("the revealing to begin", () -> status() == Status.REVEALING);
        applied(new RevealVerdict(Bytes32.of(request(1)), GOOD), FULL_NODES.get(0));
        applied(new RevealVerdict(Bytes32.of(request(1)), GOOD), FULL_NODES.get(1));
        assertEquals(
                Status.SETTLED, client.findSettlement(Bytes32.of(request(1))).status());
        await(
                "a certificate",
                () -> certified() != null
                        && Settlement.decode(certified().value()).status() == Status.SETTLED);
        assertEquals(rest, client.account(REQUESTER.publicKey()).balance(), "it came back with the certificate");
        assertEquals(50_000, client.account(NODE.publicKey()).balance(), "its price waits while evidence may come");
        CertifiedEntry proof = CertifiedEntry.decode(certified().encode());
        assertNull(proof.fault(genesis().hash(), genesis().fullNodes()));
        assertTrue(proof.certificate().signatures().size() >= 2);
        voters.forEach(Voter::close);
        byte[] settled = client.findSettlement(Bytes32.of(request(1))).encode();
        LedgerStatus before = client.status();

        closeClients();
        members.forEach(Member::close);
        members.clear();
        heard.clear();
        launch();
        assertArrayEquals(
                settled,
                client.findSettlement(Bytes32.of(request(1))).encode(),
                "the same after a restart of all members");
        LedgerStatus after = client.status();
        assertTrue(after.certified() >= before.certified() && after.height() >= before.height(), after.toString());
        assertEquals(after.deposited(), after.total());
        assertEquals(rest, client.account(REQUESTER.publicKey()).balance());
        assertEquals(1, client.nodes().size());
        // A leader that is taken away is missed; nothing else may go wrong.
        assertTrue(
                failures.stream()
                        .allMatch(failure -> failure.contains("heartbeat timeout") || failure.contains("WARN")),
                failures.toString());
    }

    /** With the first full node's key; its own replica is that of the first. */
    private Voter voterOfFirst(String votes, List<Throwable> errors) throws IOException {
        KeyPair keys = FULL_NODES.get(0);
        return new Voter(keys, genesis().hash(), 3, folder.resolve(votes), errors::add);
    }

    private long certifiedBlock() throws IOException {
        return client.status().certified();
    }

    /** Has one more block certified, after which there is another command to put into the next. */
    private void oneMoreBlock() throws Exception {
        long before = certifiedBlock();
        applied(new Command.Bond(1), REQUESTER);
        await("a certificate", () -> isCertifiedAfter(before));
    }

    private long height() {
        try {
            return client.status().height();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private boolean hasFirstCertified() {
        try {
            return services.get(1)
                    .look(state -> state.blocks().certificate().signatures().containsKey(0))
                    .get();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    private boolean isCertifiedAfter(long before) {
        try {
            return certifiedBlock() > before;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private boolean isSoAfterABlock(BooleanSupplier condition) {
        try {
            oneMoreBlock();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
        return condition.getAsBoolean();
    }

    @Test
    void aFullNodeThatLosesItsSigningHistorySignsAgainAndASecondOneOfItsKeyEnds() throws Exception {
        oneMoreBlock();
        oneMoreBlock();
        // The others may have certified both before it had listened for long enough.
        await("its own vote", () -> isSoAfterABlock(() -> voters.get(0).votes() > 0));
        Path votes = folder.resolve("votes0");
        Path old = Files.copy(votes, folder.resolve("old"));
        await("a certificate with its vote", () -> isSoAfterABlock(this::hasFirstCertified));
        voters.get(0).close();
        oneMoreBlock();

        // Its signing history lost, and an older one put in its place: both go on when the others have certified.
        List<Throwable> errors = new CopyOnWriteArrayList<>();
        for (String how : List.of("There is no signing history", "The signing history is an old one")) {
            voters.get(0).close();
            Files.delete(votes);
            if (how.contains("old")) {
                Files.copy(old, votes);
            }
            Voter again = voterOfFirst("votes0", errors);
            voters.set(0, again);
            again.begin(of(FULL_NODES.get(0)), services.get(0)::signingSeen);
            await(
                    "the warning: " + how,
                    () -> errors.stream().anyMatch(e -> String.valueOf(e).contains(how)));
            await("it to sign again", () -> isSoAfterABlock(() -> again.votes() > 0));
        }
        assertTrue(errors.stream().allMatch(e -> String.valueOf(e).contains("import-votes")), errors.toString());

        // The same key on another host, with all that it has signed.
        errors.clear();
        Files.copy(votes, folder.resolve("elsewhere"));
        Voter twin = voterOfFirst("elsewhere", errors);
        twins.add(twin);
        twin.begin(of(FULL_NODES.get(0)), services.get(0)::signingSeen);
        await("it to end", () -> isSoAfterABlock(() -> !errors.isEmpty()));
        assertTrue(errors.getFirst() instanceof SignedElsewhereException, errors.toString());
        long before = voters.get(0).votes();
        await("the first to sign on", () -> isSoAfterABlock(() -> voters.get(0).votes() > before));
        assertEquals(0, twin.votes());
        for (LedgerService service : services) {
            assertEquals(
                    Map.of(), service.look(state -> Map.copyOf(state.guilty())).get());
        }
    }

    /** Such a reply ended the leader, and the next one when it was asked the same. */
    @Test
    void aBatchOfRefusalsIsAnsweredInFull() throws Exception {
        List<Command> refused = new ArrayList<>();
        for (int i = 0; i < Signed.MAX_COMMANDS; i++) {
            refused.add(new Command.RegisterDataNode(1, "a name", 0));
        }
        List<LedgerClient.Outcome> outcomes = client.submit(refused);
        assertEquals(Signed.MAX_COMMANDS, outcomes.size());
        outcomes.forEach(outcome -> assertTrue(outcome.reason().contains("host and port"), outcome.reason()));
        assertEquals(32, client.root().length);
        assertEquals(
                List.of(), failures.stream().filter(f -> !f.contains("WARN")).toList());
    }
}
