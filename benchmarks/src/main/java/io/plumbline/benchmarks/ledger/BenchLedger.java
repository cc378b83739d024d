package io.plumbline.benchmarks.ledger;

import io.plumbline.ledger.cluster.ClusterSequencer;
import io.plumbline.ledger.cluster.IngressAddress;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.cluster.LedgerIngress;
import io.plumbline.ledger.cluster.LedgerService;
import io.plumbline.ledger.cluster.Rejoin;
import io.plumbline.ledger.cluster.Snapshots;
import io.plumbline.ledger.cluster.Voter;
import io.plumbline.ledger.order.Replica;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Node;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Identity;
import io.plumbline.transport.Media;
import io.plumbline.transport.Ports;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.stream.Stream;
import org.agrona.CloseHelper;
import org.agrona.concurrent.AgentRunner;

/** The ledger whole, on this machine: members that vote, and their ingresses. */
final class BenchLedger implements AutoCloseable {
    /** Longest wait for a full node that comes back. */
    private static final int MOST_SECONDS = 600;

    private final List<Half> halves = new ArrayList<>();
    private final Genesis genesis;
    private final List<KeyPair> fullNodes;
    private final Path votes;
    private final List<IngressAddress> ingresses = new ArrayList<>();
    private final BenchCluster cluster;
    private final Media media;

    /**
     * What a full node has beside its member: blocks and when they were certified, by height; its vote, its session,
     * its ingress.
     */
    private static final class Half implements Replica.Listener, AutoCloseable {
        private final ConcurrentSkipListMap<Long, Long> certifiedNs = new ConcurrentSkipListMap<>();
        private final LedgerService service;
        private final Voter voter;
        private LedgerClient client;
        private AgentRunner ingress;

        /** @param folder of the member; null for a state that begins anew each time. */
        Half(KeyPair keys, Genesis genesis, Path votes, Path folder) throws IOException {
            voter = new Voter(keys, genesis.hash(), genesis.fullNodes().size(), votes, e -> {});
            service = new LedgerService(genesis, this, folder);
        }

        @Override
        public void onAudit(Settlement changed, Node node) {
            // Nobody audits: verdicts are part of the load.
        }

        @Override
        public void onBlock(BlockHeader header, long epoch, Collection<EpochStatement> statements) {
            voter.onBlock(header, epoch, statements);
        }

        @Override
        public void onCertified(BlockHeader header, Certificate certificate) {
            certifiedNs.put(header.height(), System.nanoTime());
            voter.onCertified(header.number(), certificate);
        }

        @Override
        public void onSnapshot(byte[] snapshot, long height) {
            voter.onSnapshot(height, Snapshots.hash(snapshot));
        }

        @Override
        public void close() {
            CloseHelper.closeAll(ingress, voter, client);
        }
    }

    /** @param parent on the disk that is measured. */
    BenchLedger(Path parent, Genesis genesis, List<KeyPair> fullNodes) throws IOException {
        this(parent, genesis, fullNodes, Drivers.TERM_BYTES);
    }

    /** @param termBytes of the log, see {@link io.plumbline.ledger.cluster.Member.Place}. */
    BenchLedger(Path parent, Genesis genesis, List<KeyPair> fullNodes, int termBytes) throws IOException {
        this.genesis = genesis;
        this.fullNodes = fullNodes;
        votes = Files.createTempDirectory(parent, "votes-");
        for (int i = 0; i < fullNodes.size(); i++) {
            halves.add(new Half(fullNodes.get(i), genesis, votes.resolve("votes" + i), null));
        }
        cluster = new BenchCluster(parent, genesis.hash(), fullNodes, i -> halves.get(i).service, termBytes);
        media = new Media(votes.resolve("driver"), e -> {}, () -> {});
        int port = Ports.free(fullNodes.size());
        for (int i = 0; i < fullNodes.size(); i++) {
            KeyPair keys = fullNodes.get(i);
            Half half = halves.get(i);
            ClusterSequencer session = begin(half, keys);
            int place = i;
            Endpoint ingress = new Endpoint(
                    media.aeron(),
                    "localhost",
                    port + i,
                    new Identity(keys::sign, keys.publicKey().bytes()),
                    new LedgerIngress(
                                    session,
                                    half.service.admission(),
                                    () -> cluster.member(place).logStart())
                            .protocol());
            half.ingress = new AgentRunner(Drivers.idle(media.directory()), e -> {}, null, ingress);
            AgentRunner.startOnThread(half.ingress);
            ingresses.add(new IngressAddress("localhost:" + (port + i), keys.publicKey()));
        }
    }

    private ClusterSequencer begin(Half half, KeyPair keys) {
        ClusterSequencer session = new ClusterSequencer(
                cluster.aeronDirectory(), cluster.ingressEndpoints(), "localhost", keys, genesis.hash());
        half.client = new LedgerClient(session, keys, genesis.hash());
        half.voter.begin(half.client, half.service::signingSeen);
        return session;
    }

    /**
     * How a full node came back.
     *
     * @param copiedS seconds until it had log and snapshot from the others; 0 where it had them itself.
     * @param copiedBytes sizes of their files, which the log fills in whole terms.
     * @param appliedS seconds until it had applied what was ordered when it began, and a quorum had confirmed it.
     * @param votedS seconds until the first vote that it handed in.
     */
    record Joined(double copiedS, long copiedBytes, double appliedS, double votedS) {}

    /**
     * Ends a full node, and starts it again.
     *
     * @param place of one that no load goes by.
     * @param isWiped whether it has lost all that it had on disk, its signing history too.
     */
    Joined join(int place, boolean isWiped) throws IOException, InterruptedException {
        KeyPair keys = fullNodes.get(place);
        Path folder = cluster.place(place).folder();
        Path history = votes.resolve("votes" + place);
        halves.get(place).close();
        cluster.end(place);
        if (isWiped) {
            Directories.delete(folder);
            Files.deleteIfExists(history);
        }
        long ordered = client().status().height();
        long begin = System.nanoTime();
        long copied = isWiped ? Rejoin.prepare(cluster.place(place), "localhost", ingresses, at -> {}) : 0;
        if (isWiped && copied == 0) {
            throw new IOException("The others still have the log's beginning: nothing was copied.");
        }
        double copiedS = seconds(begin);
        long bytes = isWiped ? bytes(folder) : 0;
        Half half = new Half(keys, genesis, history, folder);
        halves.set(place, half);
        cluster.start(place, half.service);
        begin(half, keys);
        while (half.service.applied() < ordered || !half.service.isSure()) {
            pause(begin, "has not applied what was ordered");
        }
        double appliedS = seconds(begin);
        while (half.voter.votes() == 0) {
            pause(begin, "has not voted");
        }
        return new Joined(copiedS, bytes, appliedS, seconds(begin));
    }

    private static double seconds(long begin) {
        return (System.nanoTime() - begin) / 1e9;
    }

    private static void pause(long begin, String what) throws IOException, InterruptedException {
        if (seconds(begin) > MOST_SECONDS) {
            throw new IOException("The full node " + what + " within " + MOST_SECONDS + " s.");
        }
        Thread.sleep(2);
    }

    /** Of all files in a folder. */
    private static long bytes(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            long sum = 0;
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                sum += Files.size(file);
            }
            return sum;
        }
    }

    /** Of a media driver that reaches the ingresses. */
    String aeronDirectory() {
        return media.directory();
    }

    BenchCluster cluster() {
        return cluster;
    }

    List<IngressAddress> ingresses() {
        return ingresses;
    }

    /** As the first full node. */
    LedgerClient client() {
        return halves.getFirst().client;
    }

    /** When the first full node saw what was ordered up to {@code height} certified. */
    long certifiedNs(long height) throws InterruptedException {
        Map.Entry<Long, Long> entry;
        while ((entry = halves.getFirst().certifiedNs.ceilingEntry(height)) == null) {
            Thread.sleep(1);
        }
        return entry.getValue();
    }

    /** Ends the full node that leads, as it stands. */
    void endLeader() throws InterruptedException {
        int leader = cluster.leader();
        cluster.end(leader);
        halves.get(leader).close();
    }

    @Override
    public void close() throws IOException {
        halves.forEach(Half::close);
        CloseHelper.quietClose(media);
        cluster.close();
    }
}
