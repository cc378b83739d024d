package io.plumbline.node.data;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.data.store.BlobStat;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.Progress;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.order.MemorySequencer;
import io.plumbline.ledger.order.Query;
import io.plumbline.ledger.order.Sequencer;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.ledger.state.Signed;
import io.plumbline.ledger.state.StorageDeal;
import io.plumbline.ledger.state.StorageDeal.Phase;
import io.plumbline.ledger.state.StorageTerms;
import io.plumbline.node.ClockedLedger;
import io.plumbline.node.WaitingTest;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.EverySecond;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.math.BigDecimal;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A data node that asks a full node which lies about its deals. */
@Tag("slow")
class DealKeeperTest {
    private static final KeyPair FULL_NODE = KeyPair.random();
    private static final KeyPair CLIENT = KeyPair.random();
    private static final KeyPair OTHER_CLIENT = KeyPair.random();
    private static final KeyPair KEEPER = KeyPair.random();
    private static final Genesis GENESIS = new Genesis(
            List.of(FULL_NODE.publicKey()),
            List.of(
                    new Deposit(CLIENT.publicKey(), 100_000),
                    new Deposit(OTHER_CLIENT.publicKey(), 100_000),
                    new Deposit(KEEPER.publicKey(), 100_000)));

    @TempDir
    private Path folder;

    private final MemorySequencer memory = new MemorySequencer(GENESIS, System.currentTimeMillis());

    /** Two full nodes, of which the first tells of no deals, and shows the block of before. */
    private static final class HalfLying implements Sequencer {
        private final Sequencer honest;
        private volatile boolean lies;
        private volatile byte[] proof;
        private volatile int asked;

        HalfLying(Sequencer honest) {
            this.honest = honest;
        }

        @Override
        public Answer submit(byte[] signed) throws IOException {
            return lies ? new Answer(1, timeMs(), Collections.singletonList(null)) : honest.submit(signed);
        }

        @Override
        public byte[] ask(Query query, byte[] key) throws IOException {
            byte[] truth = honest.ask(query, key);
            if (!lies) {
                return truth;
            }
            asked++;
            return switch (query) {
                case DEALS -> new CanonicalWriter().putInt(0).toBytes();
                case DEAL -> new byte[0];
                case PROOF -> proof;
                default -> truth;
            };
        }

        @Override
        public void distrust() {
            lies = proof != null && !lies;
        }

        @Override
        public long timeMs() {
            return honest.timeMs();
        }

        @Override
        public void close() {}
    }

    /** A full node that names deals of its own making, and proves what a quorum has signed. */
    private static final class MakingUp implements Sequencer {
        private final Sequencer honest;
        private final List<Signed> submitted = Collections.synchronizedList(new ArrayList<>());
        private volatile Map<StorageDeal.Role, StorageDeal> told = Map.of();
        private volatile int asked;

        MakingUp(Sequencer honest) {
            this.honest = honest;
        }

        @Override
        public Answer submit(byte[] signed) throws IOException {
            submitted.add(Signed.decode(signed));
            return honest.submit(signed);
        }

        @Override
        public byte[] ask(Query query, byte[] key) throws IOException {
            if (query != Query.DEALS || told.isEmpty()) {
                return honest.ask(query, key);
            }
            asked++;
            boolean isOfKeeper = KEEPER.publicKey().equals(Bytes32.of(Arrays.copyOf(key, 32)));
            StorageDeal deal = isOfKeeper ? told.get(StorageDeal.Role.values()[key[32]]) : null;
            CanonicalWriter page = new CanonicalWriter().putInt(deal == null ? 0 : 1);
            return (deal == null ? page : page.putFixed(deal.encode())).toBytes();
        }

        @Override
        public long timeMs() {
            return honest.timeMs();
        }

        @Override
        public void close() {}
    }

    private interface Liar {
        /** @param offered the offer as it stands on the ledger. */
        Map<StorageDeal.Role, StorageDeal> tells(StorageDeal offered);
    }

    /** Has a keeper asked for a collateral of 40,000, which is more than it puts up, and lied to for some seconds. */
    private MakingUp liedTo(Liar liar) throws Exception {
        memory.join((changed, of) -> {});
        ClockedLedger honest = new ClockedLedger(memory);
        MakingUp lying = new MakingUp(honest);
        LedgerClient owner = new LedgerClient(honest, CLIENT, GENESIS.hash());
        LedgerClient keepers = new LedgerClient(lying, KEEPER, GENESIS.hash());
        EverySecond votes = new EverySecond("votes", this::certify, fault -> {});
        try (BlobStore store = BlobStore.open(folder.resolve("store"), Long.MAX_VALUE)) {
            Bytes32 blob = store.put(new ByteArrayInputStream(new byte[50_000]), Progress.none());
            keepers.submit(new Command.RegisterDataNode(50_000, "127.0.0.1", 9));
            owner.submit(new Command.ProposeDeal(
                    new StorageTerms(blob, 50_000, KEEPER.publicKey(), 60_000, 24_000, 12_000, 3, 4, 10, 40_000)));
            StorageDeal deal =
                    owner.deals(CLIENT.publicKey(), StorageDeal.Role.ANY, -1).getFirst();
            lying.told = liar.tells(deal);
            lying.submitted.clear();
            StorageOffer offer = new StorageOffer(BigDecimal.ZERO, 1_000, Duration.ofSeconds(1));
            DealKeeper keeper = new DealKeeper(
                    KEEPER.publicKey(), offer, new CertifiedSettlements(keepers, GENESIS), store, List::of, e -> {});
            keeper.start();
            try {
                Thread.sleep(8_000);
            } finally {
                keeper.close();
            }
            assertEquals(Phase.OFFERED, owner.deal(deal.number()).phase());
        } finally {
            votes.close();
        }
        assertTrue(lying.asked > 2, "the liar was asked");
        return lying;
    }

    /** Accepting names a deal by its number: whoever tells of other terms would have the stake answer for these. */
    @WaitingTest
    void anOfferIsAcceptedByTheTermsThatAQuorumHasSigned() throws Exception {
        MakingUp lying = liedTo(real -> {
            StorageTerms terms = real.terms();
            StorageTerms sweeter = new StorageTerms(
                    terms.blob(),
                    terms.bytes(),
                    terms.dataNode(),
                    terms.offerMs(),
                    terms.roundMs(),
                    terms.proofMs(),
                    terms.rounds(),
                    terms.chunks(),
                    1_000,
                    500);
            return Map.of(
                    StorageDeal.Role.OFFERED,
                    new StorageDeal(
                            real.number(),
                            real.client(),
                            sweeter,
                            real.dataNode(),
                            real.phase(),
                            0,
                            0,
                            real.atMs(),
                            real.block(),
                            real.seed()));
        });
        assertEquals(List.of(), lying.submitted);
    }

    /** Each refused answer would cost a fee, once a second, for challenges that one full node makes up. */
    @WaitingTest
    void aChallengeThatNoQuorumHasSignedIsNotAnswered() throws Exception {
        MakingUp lying = liedTo(real -> {
            StorageDeal challenged = new StorageDeal(
                    real.number(),
                    real.client(),
                    real.terms(),
                    KEEPER.publicKey(),
                    Phase.CHALLENGED,
                    0,
                    0,
                    real.atMs(),
                    -1,
                    new byte[32]);
            return Map.of(StorageDeal.Role.HELD, challenged, StorageDeal.Role.CHALLENGED, challenged);
        });
        assertEquals(List.of(), lying.submitted);
    }

    /** It would say that a stake is lost, count it as not free, and pin blobs for nothing. */
    @WaitingTest
    void aHeldDealThatOneFullNodeMakesUpIsNeitherHeldNorLost() throws Exception {
        memory.join((changed, of) -> {});
        ClockedLedger honest = new ClockedLedger(memory);
        MakingUp lying = new MakingUp(honest);
        LedgerClient owner = new LedgerClient(honest, CLIENT, GENESIS.hash());
        LedgerClient keepers = new LedgerClient(lying, KEEPER, GENESIS.hash());
        List<Event> told = Collections.synchronizedList(new ArrayList<>());
        EverySecond votes = new EverySecond("votes", this::certify, fault -> {});
        try (BlobStore store = BlobStore.open(folder.resolve("store"), Long.MAX_VALUE)) {
            Bytes32 blob = store.put(new ByteArrayInputStream(new byte[50_000]), Progress.none());
            keepers.submit(new Command.RegisterDataNode(50_000, "127.0.0.1", 9));
            owner.submit(new Command.ProposeDeal(
                    new StorageTerms(blob, 50_000, KEEPER.publicKey(), 1_000, 24_000, 12_000, 3, 4, 10, 40_000)));
            long number = owner.deals(CLIENT.publicKey(), StorageDeal.Role.ANY, -1)
                    .getFirst()
                    .number();
            while (!owner.deal(number).phase().isOver()) {
                Thread.sleep(50);
            }
            StorageDeal over = owner.deal(number);
            StorageDeal madeUp = new StorageDeal(
                    number,
                    over.client(),
                    over.terms(),
                    KEEPER.publicKey(),
                    Phase.HELD,
                    0,
                    0,
                    over.atMs(),
                    -1,
                    new byte[32]);
            lying.told = Map.of(StorageDeal.Role.HELD, madeUp, StorageDeal.Role.CHALLENGED, madeUp);
            DealKeeper keeper = new DealKeeper(
                    KEEPER.publicKey(), null, new CertifiedSettlements(keepers, GENESIS), store, List::of, told::add);
            keeper.start();
            try {
                for (int i = 0; i < 100 && lying.asked < 2; i++) {
                    Thread.sleep(100);
                }
                assertEquals(0, keeper.collateral());
                assertTrue(store.stat(blob).pins().isEmpty());
                lying.told = Map.of();
                Thread.sleep(7_000);
            } finally {
                keeper.close();
            }
            assertTrue(lying.asked > 0, "the liar was asked");
            assertEquals(List.of(), told);
        } finally {
            votes.close();
        }
    }

    /** Each deal is a pin of its blob, and a blob has so many at most. */
    @WaitingTest
    void anOfferThatCannotBePinnedKeepsNoOtherFromBeingAccepted() throws Exception {
        memory.join((changed, of) -> {});
        ClockedLedger honest = new ClockedLedger(memory);
        LedgerClient owner = new LedgerClient(honest, CLIENT, GENESIS.hash());
        LedgerClient keepers = new LedgerClient(honest, KEEPER, GENESIS.hash());
        EverySecond votes = new EverySecond("votes", this::certify, fault -> {});
        try (BlobStore store = BlobStore.open(folder.resolve("store"), Long.MAX_VALUE)) {
            Bytes32 full = store.put(new ByteArrayInputStream(new byte[50_000]), Progress.none());
            Bytes32 other = store.put(new ByteArrayInputStream(new byte[40_000]), Progress.none());
            for (int pin = 0; pin < BlobStat.MOST_PINS; pin++) {
                store.pin(full, "pin " + pin);
            }
            keepers.submit(new Command.RegisterDataNode(50_000, "127.0.0.1", 9));
            for (Bytes32 blob : List.of(full, other)) {
                owner.submit(new Command.ProposeDeal(new StorageTerms(
                        blob, store.stat(blob).bytes(), KEEPER.publicKey(), 60_000, 24_000, 12_000, 3, 4, 10, 1_000)));
            }
            List<StorageDeal> deals = owner.deals(CLIENT.publicKey(), StorageDeal.Role.ANY, -1);
            StorageOffer offer = new StorageOffer(BigDecimal.ZERO, 1_000, Duration.ofSeconds(1));
            CertifiedSettlements certified = new CertifiedSettlements(keepers, GENESIS);
            DealKeeper keeper = new DealKeeper(KEEPER.publicKey(), offer, certified, store, List::of, e -> {});
            keeper.start();
            try {
                for (int i = 0; i < 150 && keeper.deals() == 0; i++) {
                    Thread.sleep(100);
                }
            } finally {
                keeper.close();
            }
            assertEquals(Phase.OFFERED, owner.deal(deals.getFirst().number()).phase());
            assertEquals(Phase.HELD, owner.deal(deals.getLast().number()).phase());
        } finally {
            votes.close();
        }
    }

    /** One that is asked first would have offers declined, and a lost blob cost its collateral. */
    @WaitingTest
    void aDataNodeThatSaysAFalseLengthKeepsNoBlobFromBeingFetched() throws Exception {
        memory.join((changed, of) -> {});
        ClockedLedger honest = new ClockedLedger(memory);
        LedgerClient owner = new LedgerClient(honest, CLIENT, GENESIS.hash());
        LedgerClient keepers = new LedgerClient(honest, KEEPER, GENESIS.hash());
        List<Event> told = Collections.synchronizedList(new ArrayList<>());
        EverySecond votes = new EverySecond("votes", this::certify, fault -> {});
        try (BlobStore store = BlobStore.open(folder.resolve("store"), Long.MAX_VALUE);
                BlobStore others = BlobStore.open(folder.resolve("others"), Long.MAX_VALUE);
                BlobServer server = new BlobServer(others, "127.0.0.1", 0, null, null, fault -> {});
                LyingNode liar = new LyingNode(49_999, Map.of())) {
            Bytes32 blob = others.put(new ByteArrayInputStream(new byte[50_000]), Progress.none());
            keepers.submit(new Command.RegisterDataNode(50_000, "127.0.0.1", 9));
            owner.submit(new Command.ProposeDeal(
                    new StorageTerms(blob, 50_000, KEEPER.publicKey(), 60_000, 20_000, 10_000, 3, 4, 10, 1_000)));
            long deal = owner.deals(CLIENT.publicKey(), StorageDeal.Role.ANY, -1)
                    .getFirst()
                    .number();
            List<Peer> peers = List.of(
                    new Peer(Bytes32.ZERO, liar.node()),
                    new Peer(Bytes32.ZERO, new BlobNode("http://127.0.0.1:" + server.port(), null)));
            StorageOffer offer = new StorageOffer(BigDecimal.ZERO, 1_000, Duration.ofSeconds(1));
            CertifiedSettlements certified = new CertifiedSettlements(keepers, GENESIS);
            DealKeeper keeper = new DealKeeper(KEEPER.publicKey(), offer, certified, store, () -> peers, told::add);
            keeper.start();
            try {
                for (int i = 0; i < 300 && owner.deal(deal).phase() == Phase.OFFERED; i++) {
                    Thread.sleep(100);
                }
                assertEquals(Phase.HELD, owner.deal(deal).phase(), told.toString());
                store.delete(blob);
                // Somebody with a key of this node claims another length as well.
                store.receive(blob, 49_998);
                while (owner.deal(deal).proven() == 0 && owner.deal(deal).losses() == 0) {
                    Thread.sleep(50);
                }
            } finally {
                keeper.close();
            }
            assertEquals(0, owner.deal(deal).losses(), told.toString());
        } finally {
            votes.close();
        }
    }

    /** A data node that has one blob of 50,000 bytes, as it says, and sends it byte by byte. */
    private static void drip(ServerSocket server, Bytes32 blob) {
        Thread.ofVirtual().start(() -> {
            while (!server.isClosed()) {
                try {
                    Socket socket = server.accept();
                    Thread.ofVirtual().start(() -> drip(server, socket, blob));
                } catch (IOException e) {
                    // The test is over.
                }
            }
        });
    }

    private static void drip(ServerSocket server, Socket socket, Bytes32 blob) {
        try (socket) {
            String asked = new BufferedReader(new InputStreamReader(socket.getInputStream(), US_ASCII)).readLine();
            String stat = "{\"bytes\": 50000, \"present_bytes\": 50000}";
            String answer = !asked.contains(blob.toString())
                    ? "HTTP/1.0 404 Not Found\r\n\r\n"
                    : "HTTP/1.0 200 OK\r\n\r\n" + (asked.contains("/stat") ? stat : "");
            socket.getOutputStream().write(answer.getBytes(US_ASCII));
            while (asked.contains("/verified") && !server.isClosed()) {
                socket.getOutputStream().write(0);
                Thread.sleep(1_000);
            }
        } catch (IOException | InterruptedException e) {
            // The client has gone.
        }
    }

    /** An offer costs little, and its blob may be at one data node alone, which is whoever offers it. */
    @WaitingTest
    void aLostBlobIsFetchedAgainWhileTheBlobOfAnOfferDrips() throws Exception {
        memory.join((changed, of) -> {});
        ClockedLedger honest = new ClockedLedger(memory);
        LedgerClient owner = new LedgerClient(honest, CLIENT, GENESIS.hash());
        LedgerClient keepers = new LedgerClient(honest, KEEPER, GENESIS.hash());
        Bytes32 dripped = Bytes32.of(Blake3.hash(new byte[] {1}));
        List<Event> told = Collections.synchronizedList(new ArrayList<>());
        EverySecond votes = new EverySecond("votes", this::certify, fault -> {});
        ServerSocket dripping = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        try (BlobStore store = BlobStore.open(folder.resolve("store"), Long.MAX_VALUE);
                BlobStore others = BlobStore.open(folder.resolve("others"), Long.MAX_VALUE);
                BlobServer server = new BlobServer(others, "127.0.0.1", 0, null, null, fault -> {})) {
            drip(dripping, dripped);
            Bytes32 kept = others.put(new ByteArrayInputStream(new byte[50_000]), Progress.none());
            store.put(new ByteArrayInputStream(new byte[50_000]), Progress.none());
            keepers.submit(new Command.RegisterDataNode(50_000, "127.0.0.1", 9));
            for (Bytes32 blob : List.of(kept, dripped)) {
                owner.submit(new Command.ProposeDeal(
                        new StorageTerms(blob, 50_000, KEEPER.publicKey(), 600_000, 20_000, 10_000, 3, 4, 10, 1_000)));
            }
            long deal = owner.deals(CLIENT.publicKey(), StorageDeal.Role.ANY, -1)
                    .getFirst()
                    .number();
            List<Peer> peers = List.of(
                    new Peer(Bytes32.ZERO, new BlobNode("http://127.0.0.1:" + dripping.getLocalPort(), null)),
                    new Peer(Bytes32.ZERO, new BlobNode("http://127.0.0.1:" + server.port(), null)));
            StorageOffer offer = new StorageOffer(BigDecimal.ZERO, 1_000, Duration.ofSeconds(1));
            CertifiedSettlements certified = new CertifiedSettlements(keepers, GENESIS);
            DealKeeper keeper = new DealKeeper(KEEPER.publicKey(), offer, certified, store, () -> peers, told::add);
            keeper.start();
            try {
                while (store.receiving(dripped) == null || owner.deal(deal).phase() == Phase.OFFERED) {
                    Thread.sleep(50);
                }
                store.delete(kept);
                while (owner.deal(deal).proven() == 0 && owner.deal(deal).losses() == 0) {
                    Thread.sleep(50);
                }
            } finally {
                keeper.close();
            }
            assertEquals(0, owner.deal(deal).losses(), told.toString());
        } finally {
            dripping.close();
            votes.close();
        }
    }

    /** Whoever offers a blob that drips keeps its own places with it, and no other client's, nor room for all of it. */
    @WaitingTest
    void anOfferIsTakenWhileTheBlobsOfAnotherClientsDrip() throws Exception {
        memory.join((changed, of) -> {});
        ClockedLedger honest = new ClockedLedger(memory);
        LedgerClient dripper = new LedgerClient(honest, CLIENT, GENESIS.hash());
        LedgerClient keepers = new LedgerClient(honest, KEEPER, GENESIS.hash());
        Bytes32 dripped = Bytes32.of(Blake3.hash(new byte[] {1}));
        EverySecond votes = new EverySecond("votes", this::certify, fault -> {});
        ServerSocket dripping = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        try (BlobStore store = BlobStore.open(folder.resolve("store"), 70_000);
                BlobStore others = BlobStore.open(folder.resolve("others"), Long.MAX_VALUE);
                BlobServer server = new BlobServer(others, "127.0.0.1", 0, null, null, fault -> {})) {
            drip(dripping, dripped);
            Bytes32 kept = others.put(new ByteArrayInputStream(new byte[50_000]), Progress.none());
            keepers.submit(new Command.RegisterDataNode(50_000, "127.0.0.1", 9));
            LedgerClient owner = new LedgerClient(honest, OTHER_CLIENT, GENESIS.hash());
            for (LedgerClient by : List.of(dripper, owner)) {
                by.submit(new Command.ProposeDeal(new StorageTerms(
                        by == owner ? kept : dripped,
                        50_000,
                        KEEPER.publicKey(),
                        600_000,
                        20_000,
                        10_000,
                        3,
                        4,
                        10,
                        1_000)));
            }
            long deal = owner.deals(OTHER_CLIENT.publicKey(), StorageDeal.Role.ANY, -1)
                    .getFirst()
                    .number();
            List<Peer> peers = List.of(
                    new Peer(Bytes32.ZERO, new BlobNode("http://127.0.0.1:" + dripping.getLocalPort(), null)),
                    new Peer(Bytes32.ZERO, new BlobNode("http://127.0.0.1:" + server.port(), null)));
            StorageOffer offer = new StorageOffer(BigDecimal.ZERO, 1_000, Duration.ofSeconds(1));
            CertifiedSettlements certified = new CertifiedSettlements(keepers, GENESIS);
            DealKeeper keeper = new DealKeeper(KEEPER.publicKey(), offer, certified, store, () -> peers, event -> {});
            keeper.start();
            try {
                for (int i = 0; i < 250 && owner.deal(deal).phase() == Phase.OFFERED; i++) {
                    Thread.sleep(100);
                }
                assertEquals(Phase.HELD, owner.deal(deal).phase());
                assertTrue(store.receiving(dripped) != null, "the other one still drips");
            } finally {
                keeper.close();
            }
        } finally {
            dripping.close();
            votes.close();
        }
    }

    @Test
    void offersThatFailedComeAfterThoseThatDidNot() {
        List<StorageDeal> offers = new ArrayList<>();
        for (long number : new long[] {1, 2, 3, 4}) {
            StorageTerms terms =
                    new StorageTerms(Bytes32.ZERO, 1, KEEPER.publicKey(), 600_000, 20_000, 10_000, 3, 4, 10, 1);
            offers.add(new StorageDeal(
                    number, CLIENT.publicKey(), terms, KEEPER.publicKey(), Phase.OFFERED, 0, 0, 0, 0, new byte[32]));
        }
        DealKeeper.inTurn(offers, Map.of(1L, 2_000L, 2L, 1_000L));
        assertEquals(
                List.of(3L, 4L, 2L, 1L),
                offers.stream().map(StorageDeal::number).toList());
    }

    /** Of a paid blob with a damaged part the rest is good, also where every source fails once. */
    @WaitingTest
    void theGoodPartOfAHeldBlobOutlivesAFetchThatFails() throws Exception {
        memory.join((changed, of) -> {});
        ClockedLedger honest = new ClockedLedger(memory);
        LedgerClient owner = new LedgerClient(honest, CLIENT, GENESIS.hash());
        LedgerClient keepers = new LedgerClient(honest, KEEPER, GENESIS.hash());
        List<Event> told = Collections.synchronizedList(new ArrayList<>());
        EverySecond votes = new EverySecond("votes", this::certify, fault -> {});
        StorageOffer offer = new StorageOffer(BigDecimal.ZERO, 1_000, Duration.ofSeconds(1));
        CertifiedSettlements certified = new CertifiedSettlements(keepers, GENESIS);
        // A port that refuses.
        ServerSocket gone = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        gone.close();
        List<Peer> peers =
                List.of(new Peer(Bytes32.ZERO, new BlobNode("http://127.0.0.1:" + gone.getLocalPort(), null)));
        Bytes32 kept;
        long deal;
        try {
            try (BlobStore store = BlobStore.open(folder.resolve("store"), Long.MAX_VALUE)) {
                kept = store.put(new ByteArrayInputStream(new byte[50_000]), Progress.none());
                keepers.submit(new Command.RegisterDataNode(50_000, "127.0.0.1", 9));
                owner.submit(new Command.ProposeDeal(
                        new StorageTerms(kept, 50_000, KEEPER.publicKey(), 600_000, 20_000, 10_000, 3, 4, 10, 1_000)));
                deal = owner.deals(CLIENT.publicKey(), StorageDeal.Role.ANY, -1)
                        .getFirst()
                        .number();
                try (DealKeeper keeper =
                        new DealKeeper(KEEPER.publicKey(), offer, certified, store, () -> peers, told::add)) {
                    keeper.start();
                    while (owner.deal(deal).phase() == Phase.OFFERED) {
                        Thread.sleep(50);
                    }
                }
                String hex = kept.toString();
                Path file = folder.resolve("store/blobs")
                        .resolve(hex.substring(0, 2))
                        .resolve(hex);
                byte[] changed = Files.readAllBytes(file);
                changed[20_000] ^= 1;
                Files.write(file, changed);
                assertEquals(1, store.scrub(kept, Progress.none()).size());
            }
            Path part = folder.resolve("store/partial").resolve(kept + ".present");
            assertTrue(Files.exists(part));
            try (BlobStore store = BlobStore.open(folder.resolve("store"), Long.MAX_VALUE);
                    DealKeeper keeper =
                            new DealKeeper(KEEPER.publicKey(), offer, certified, store, () -> peers, told::add)) {
                keeper.start();
                while (told.stream().noneMatch(Event.NotProven.class::isInstance)) {
                    Thread.sleep(50);
                }
                // Three tries of the source, and more.
                Thread.sleep(3_000);
                assertTrue(Files.exists(part), "what is good of it stays");
                assertTrue(store.receiving(kept).presentBytes() > 0);
            }
        } finally {
            votes.close();
        }
    }

    private void certify() throws IOException {
        synchronized (memory) {
            BlockHeader open = memory.state(0).blocks().open();
            if (open != null) {
                byte[] vote = FULL_NODE.sign(Certificate.message(GENESIS.hash(), 0, open.number(), open.hash()));
                new LedgerClient(memory, FULL_NODE, GENESIS.hash())
                        .submit(new Command.CastVote(FULL_NODE.publicKey(), 0, open.number(), open.hash(), vote));
            }
        }
    }

    @WaitingTest
    void whatOneFullNodeWithholdsCostsNoStake() throws Exception {
        memory.join((changed, of) -> {});
        ClockedLedger honest = new ClockedLedger(memory);
        HalfLying half = new HalfLying(honest);
        LedgerClient owner = new LedgerClient(honest, CLIENT, GENESIS.hash());
        LedgerClient keepers = new LedgerClient(half, KEEPER, GENESIS.hash());
        List<Event> told = Collections.synchronizedList(new ArrayList<>());
        EverySecond votes = new EverySecond("votes", this::certify, fault -> {});
        try (BlobStore store = BlobStore.open(folder.resolve("store"), Long.MAX_VALUE)) {
            Bytes32 blob = store.put(new ByteArrayInputStream(new byte[50_000]), Progress.none());
            keepers.submit(new Command.RegisterDataNode(50_000, "127.0.0.1", 9));
            owner.submit(new Command.ProposeDeal(
                    new StorageTerms(blob, 50_000, KEEPER.publicKey(), 60_000, 24_000, 12_000, 3, 4, 10, 1_000)));
            StorageDeal deal =
                    owner.deals(CLIENT.publicKey(), StorageDeal.Role.ANY, -1).getFirst();
            byte[] before = null;
            while (before == null
                    || owner.prove(Kind.STORAGE_DEAL, StorageDeal.id(deal.number()))
                                    .value()
                            == null) {
                Thread.sleep(50);
                byte[] key = new byte[33];
                key[0] = (byte) Kind.STORAGE_DEAL.ordinal();
                System.arraycopy(StorageDeal.id(deal.number()).bytes(), 0, key, 1, 32);
                before = honest.ask(Query.PROOF, key);
                before = before.length == 0 ? null : before;
            }
            StorageOffer offer = new StorageOffer(BigDecimal.ZERO, 1_000, Duration.ofSeconds(1));
            DealKeeper keeper = new DealKeeper(
                    KEEPER.publicKey(), offer, new CertifiedSettlements(keepers, GENESIS), store, List::of, told::add);
            keeper.start();
            try {
                while (owner.deal(deal.number()).phase() == Phase.OFFERED) {
                    Thread.sleep(50);
                }
                half.proof = before;
                half.lies = true;
                int asked = half.asked;
                while (owner.deal(deal.number()).proven() == 0
                        && owner.deal(deal.number()).losses() == 0) {
                    assertTrue(store.stat(blob).pins().contains("deal-" + deal.number()), told.toString());
                    Thread.sleep(50);
                }
                assertTrue(half.asked > asked, "the liar was asked");
                assertEquals(0, owner.deal(deal.number()).losses(), told.toString());
                assertTrue(told.stream().noneMatch(Event.DealLost.class::isInstance), told.toString());
            } finally {
                keeper.close();
            }
        } finally {
            votes.close();
        }
    }
}
