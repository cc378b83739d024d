package io.plumbline.benchmarks.ledger;

import io.plumbline.ledger.cluster.ClusterSequencer;
import io.plumbline.ledger.cluster.IngressAddress;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.cluster.LedgerIngress;
import io.plumbline.ledger.cluster.LedgerService;
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
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import org.agrona.CloseHelper;
import org.agrona.concurrent.AgentRunner;

/** The ledger whole, on this machine: members that vote, and their ingresses. */
final class BenchLedger implements AutoCloseable {
    private final List<Half> halves = new ArrayList<>();
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

        Half(KeyPair keys, Genesis genesis, Path votes) throws IOException {
            voter = new Voter(keys, genesis.hash(), genesis.fullNodes().size(), votes, e -> {});
            service = new LedgerService(genesis, this);
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
        public void close() {
            CloseHelper.closeAll(ingress, voter, client);
        }
    }

    /** @param parent on the disk that is measured. */
    BenchLedger(Path parent, Genesis genesis, List<KeyPair> fullNodes) throws IOException {
        Path votes = Files.createTempDirectory(parent, "votes-");
        for (int i = 0; i < fullNodes.size(); i++) {
            halves.add(new Half(fullNodes.get(i), genesis, votes.resolve("votes" + i)));
        }
        cluster = new BenchCluster(parent, genesis.hash(), fullNodes, i -> halves.get(i).service);
        media = new Media(votes.resolve("driver"), e -> {}, () -> {});
        int port = Ports.free(fullNodes.size());
        for (int i = 0; i < fullNodes.size(); i++) {
            KeyPair keys = fullNodes.get(i);
            Half half = halves.get(i);
            ClusterSequencer session = new ClusterSequencer(
                    cluster.aeronDirectory(), cluster.ingressEndpoints(), "localhost", keys, genesis.hash());
            half.client = new LedgerClient(session, keys, genesis.hash());
            half.voter.begin(half.client, half.service::signingSeen);
            Endpoint ingress = new Endpoint(
                    media.aeron(),
                    "localhost",
                    port + i,
                    new Identity(keys::sign, keys.publicKey().bytes()),
                    new LedgerIngress(session, half.service.admission(), () -> 0).protocol());
            half.ingress = new AgentRunner(Drivers.idle(), e -> {}, null, ingress);
            AgentRunner.startOnThread(half.ingress);
            ingresses.add(new IngressAddress("localhost:" + (port + i), keys.publicKey()));
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
