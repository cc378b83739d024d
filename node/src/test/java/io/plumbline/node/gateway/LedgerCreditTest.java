package io.plumbline.node.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.order.MemorySequencer;
import io.plumbline.ledger.order.PaymentPage;
import io.plumbline.ledger.order.Query;
import io.plumbline.ledger.order.Replica;
import io.plumbline.ledger.order.Sequencer;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Node;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.ledger.state.Payment;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Signed;
import io.plumbline.node.network.Events;
import io.plumbline.node.tenant.Quota;
import io.plumbline.node.tenant.TenantFile;
import io.plumbline.node.tenant.Tenants;
import io.plumbline.node.tenant.UsageBook;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What counts as credit is what a quorum has signed, whatever the full node says that is asked. */
class LedgerCreditTest {
    private static final KeyPair PAYER = KeyPair.random();
    private static final KeyPair GATEWAY = KeyPair.random();
    private static final List<KeyPair> FULL =
            IntStream.range(0, 4).mapToObj(i -> KeyPair.random()).toList();
    private static final Genesis GENESIS = new Genesis(
            FULL.stream().map(KeyPair::publicKey).toList(),
            10_000,
            Bytes32.ZERO,
            List.of(new Genesis.Deposit(PAYER.publicKey(), 100_000), new Genesis.Deposit(GATEWAY.publicKey(), 10_000)),
            Parameters.DEFAULT);

    @TempDir
    Path folder;

    private final MemorySequencer ledger = new MemorySequencer(GENESIS, 1_000_000);
    private final ByteArrayOutputStream told = new ByteArrayOutputStream();
    private PaymentPage lie;
    private long dust;
    private int pages;
    private int distrusted;
    private Tenants tenants;
    private LedgerCredit credit;
    private Bytes32 reference;

    /** The full node that the gateway asks: it answers as the ledger is, or lies about payments. */
    private final class Asked implements Sequencer {
        @Override
        public Answer submit(byte[] signed) {
            return ledger.submit(signed);
        }

        @Override
        public byte[] ask(Query query, byte[] key) {
            if (query == Query.PAYMENTS && dust > 0) {
                pages++;
                return dust(new CanonicalReader(Arrays.copyOfRange(key, 32, 40), "after").getLong("after"));
            }
            if (query != Query.PAYMENTS || lie == null) {
                return ledger.ask(query, key);
            }
            CanonicalWriter out = new CanonicalWriter().putInt(lie.payments().size());
            lie.payments().forEach(payment -> out.putFixed(payment.encode()));
            return out.toBytes();
        }

        /** Payments that name nobody, with the numbers 1 to {@link #dust}, and then those of the ledger. */
        private byte[] dust(long after) {
            List<Payment> page = new ArrayList<>();
            for (long number = Math.max(0, after) + 1; number <= dust && page.size() < 256; number++) {
                page.add(new Payment(number, PAYER.publicKey(), GATEWAY.publicKey(), 1, Bytes32.ZERO, 9_000_000));
            }
            for (Payment real : ledger.state(0).paymentsTo(GATEWAY.publicKey(), after)) {
                if (page.size() < 256) {
                    page.add(real);
                }
            }
            CanonicalWriter out = new CanonicalWriter().putInt(page.size());
            page.forEach(payment -> out.putFixed(payment.encode()));
            return out.toBytes();
        }

        @Override
        public void distrust() {
            distrusted++;
        }

        @Override
        public long timeMs() {
            return ledger.timeMs();
        }

        @Override
        public void close() {}
    }

    @BeforeEach
    void start() throws IOException {
        ledger.join(new Replica.Listener() {
            @Override
            public void onAudit(Settlement changed, Node node) {}

            @Override
            public void onBlock(BlockHeader header, long epoch, Collection<EpochStatement> statements) {}
        });
        Path keys = folder.resolve("api-keys.json");
        TenantFile.add(keys, "app", Quota.UNLIMITED, 0, Set.of(), "2026-11-26");
        tenants = new Tenants(keys, folder, 1, event -> {});
        Events events = new Events(new PrintStream(told, true, StandardCharsets.UTF_8));
        LedgerClient client = new LedgerClient(new Asked(), GATEWAY, GENESIS.hash());
        tenants.takePayments(GATEWAY.publicKey());
        credit = new LedgerCredit(client, GENESIS, List.of(new Payee.OfTenants(tenants)), events);
        reference = Bytes32.of(HexFormat.of().parseHex(TenantFile.reference(keys, "app")));
    }

    @AfterEach
    void close() {
        credit.close();
        tenants.close();
    }

    private void pay(long amount) {
        Command paying = new Command.Transfer(GATEWAY.publicKey(), amount, reference);
        Signed signed = Signed.of(GENESIS.hash(), PAYER, ledger.timeMs() + 60_000, paying);
        assertEquals(1, ledger.submit(signed.encode()).reasons().size());
    }

    /** Closes the block and has three of four sign it. */
    private void certify() {
        ledger.advance(60);
        BlockHeader open = ledger.state(0).blocks().open();
        for (KeyPair full : FULL.subList(0, 3)) {
            byte[] signature = full.sign(Certificate.message(GENESIS.hash(), 0, open.number(), open.hash()));
            Command vote = new Command.CastVote(full.publicKey(), 0, open.number(), open.hash(), signature);
            ledger.submit(Signed.of(GENESIS.hash(), full, ledger.timeMs() + 60_000, vote)
                    .encode());
        }
    }

    private long paidIn() throws IOException {
        return UsageBook.report(folder.resolve(Tenants.USAGE_FILE)).stream()
                .mapToLong(usage -> usage.paid())
                .sum();
    }

    @Test
    void whatIsOrderedCountsOnceItsBlockIsCertifiedAndOnce() throws IOException {
        pay(700);
        credit.look();
        assertEquals(0, paidIn(), "no block has it yet");
        ledger.advance(60);
        credit.look();
        assertEquals(0, paidIn(), "nobody has signed its block");
        certify();
        credit.look();
        credit.look();
        assertEquals(700, paidIn());
        assertTrue(told.toString().contains("\"credited\""), told.toString());
        pay(5);
        certify();
        credit.look();
        assertEquals(705, paidIn());
    }

    @Test
    void aFullNodeThatMakesPaymentsUpIsNotBelieved() throws IOException {
        pay(700);
        certify();
        Payment real =
                ledger.state(0).paymentsTo(GATEWAY.publicKey(), -1).iterator().next();
        lie = new PaymentPage(
                List.of(new Payment(real.number(), real.from(), real.to(), 70_000, real.reference(), real.untilMs())));
        credit.look();
        assertEquals(0, paidIn(), "another amount than was signed");
        assertEquals(1, distrusted);
        lie = new PaymentPage(List.of(
                new Payment(real.number() + 128, real.from(), real.to(), 70_000, real.reference(), real.untilMs())));
        credit.look();
        assertEquals(0, paidIn(), "none of that number is on the ledger");
        lie = new PaymentPage(List.of(
                new Payment(real.number(), real.from(), PAYER.publicKey(), 700, real.reference(), real.untilMs())));
        credit.look();
        assertEquals(0, paidIn(), "to another account");
        lie = null;
        credit.look();
        assertEquals(700, paidIn(), "it is found once a full node tells the truth");
    }

    @Test
    void aPaymentThatAFullNodeLeftOutIsFoundByWhatAnotherShows() throws IOException {
        pay(700);
        pay(5);
        pay(20);
        certify();
        List<Payment> all = List.copyOf(ledger.state(0).paymentsTo(GATEWAY.publicKey(), -1));
        lie = new PaymentPage(all.subList(1, 2));
        credit.look();
        assertEquals(5, paidIn(), "the payment before is not shown, nor the one after");
        lie = null;
        for (int i = 0; i < 301; i++) {
            credit.look();
        }
        assertEquals(725, paidIn());
        assertEquals(1, distrusted, "another full node is asked");
        tenants.close();
        tenants = new Tenants(folder.resolve("api-keys.json"), folder, 1, event -> {});
        for (Payment payment : all) {
            assertTrue(tenants.hasCounted(payment.number()), "also after a restart");
            tenants.credit(reference, payment.amount(), payment.number());
        }
        assertEquals(725, paidIn());
    }

    /** Each payment costs its payer a fee alone: dust of a whole day keeps nobody's from being counted. */
    @Test
    void aPaymentIsFoundBehindAsManyAsThereAreThatNameNobody() throws IOException {
        dust = 80_000;
        Command nothing = new Command.Bond(1);
        while (ledger.state(0).height() < dust / Signed.MAX_COMMANDS) {
            ledger.submit(Signed.of(GENESIS.hash(), KeyPair.random(), ledger.timeMs() + 60_000, nothing)
                    .encode());
        }
        pay(700);
        certify();
        credit.look();
        assertEquals(64, pages, "a look is bounded");
        assertEquals(0, paidIn());
        for (int look = 1; look < 5; look++) {
            credit.look();
        }
        assertEquals(700, paidIn());
    }
}
