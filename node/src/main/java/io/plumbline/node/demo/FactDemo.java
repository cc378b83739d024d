package io.plumbline.node.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpServer;
import io.plumbline.data.store.MemoryBlob;
import io.plumbline.data.store.Progress;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.data.transfer.Upload;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Feed;
import io.plumbline.ledger.state.FeedValue;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.node.network.Event;
import io.plumbline.transport.Media;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.FeedProof;
import io.plumbline.verifier.lightclient.ProofRefusedException;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.MemorySegment;
import java.math.BigDecimal;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;

/**
 * A question about an outside fact: three data nodes report what a source says, the model is told the ledger's value,
 * and whoever holds the request checks it offline. Then the source lies to one of them.
 */
final class FactDemo implements AutoCloseable {
    private static final HexFormat HEX = HexFormat.of();
    private static final int DATA_NODES = 3;
    private static final int MAX_TOKENS = 120;
    private static final long ROUND_MS = 2_000;
    private static final long PATIENCE_MS = 60_000;
    private static final String TRUTH = "2.75";
    private static final String LIE = "9.99";
    private static final String TEMPLATE = "The river is {value} {unit} high.";
    private static final String QUESTION = "Tell me a story about a fox at the river.";

    private final ObjectMapper mapper = new ObjectMapper();
    private final DemoNetwork network;
    private final PrintStream out;
    private final HttpServer source;
    private final AtomicInteger asked = new AtomicInteger();
    private volatile boolean lies;

    FactDemo(DemoNetwork network, PrintStream out) throws IOException {
        this.network = network;
        this.out = out;
        this.source = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        source.createContext("/level", http -> {
            // One in three hears the lie, which is one of the three in most rounds.
            String level = lies && asked.getAndIncrement() % DATA_NODES == 0 ? LIE : TRUTH;
            byte[] body = ("{\"river\":{\"level\":" + level + "}}").getBytes(StandardCharsets.UTF_8);
            http.sendResponseHeaders(200, body.length);
            http.getResponseBody().write(body);
            http.close();
        });
        source.start();
    }

    /** Where and how the value is fetched. */
    private byte[] policy() {
        return mapper.createObjectNode()
                .put("plumbline", "source 1")
                .put("url", "http://localhost:" + source.getAddress().getPort() + "/level")
                .put("format", "json")
                .put("path", "$.river.level")
                .toString()
                .getBytes(StandardCharsets.UTF_8);
    }

    /**
     * Runs all of it.
     *
     * @param owner of the feed.
     * @param result receives what came of it, under {@code fact}.
     * @return whether the answer was settled, the fact proven and the lie outvoted.
     */
    boolean run(KeyPair owner, ObjectNode result) throws IOException, InterruptedException {
        byte[] policy = policy();
        Feed feed = new Feed(
                owner.publicKey(),
                "River level",
                "m",
                2,
                0,
                1_500,
                ROUND_MS,
                ROUND_MS - 200,
                DATA_NODES,
                30_000,
                Bytes32.of(Blake3.hash(policy)),
                1);
        String id = feed.id().toString();
        out.println("\nA question about a fact, which " + DATA_NODES + " data nodes report from a source:");
        List<ChildProcess> nodes = new ArrayList<>();
        for (int i = 0; i < DATA_NODES; i++) {
            nodes.add(network.dataNode(i, "--port", "0", "--private-sources", "--feed", id));
        }
        try (Media media = new Media(network.folder("facts"), e -> {}, () -> {});
                LedgerClient ledger = network.network().ledger(media.directory(), "localhost", owner)) {
            require(ledger.submit(new Command.DeclareFeed(feed)));
            require(ledger.submit(new Command.FundFeed(feed.id(), 1_000)));
            for (ChildProcess node : nodes) {
                Event.Ready ready = node.await(Event.Ready.class, event -> true, DemoNetwork.START_MS);
                if (node == nodes.getFirst()) {
                    new Upload(new BlobNode("http://localhost:" + ready.port(), null), RateLimit.none())
                            .run(new MemoryBlob(MemorySegment.ofArray(policy)), Progress.none());
                }
            }
            await(ledger, feed, value -> value.reports() == DATA_NODES);
            ObjectNode fact = result.putObject("fact").put("feed", id);
            boolean isGood = ask(id, fact);
            lies = true;
            FeedValue outvoted = await(ledger, feed, value -> !value.outliers().isEmpty());
            String liar = outvoted.outliers().getFirst().toString();
            boolean isOutvoted = decimal(outvoted.value()).equals(TRUTH);
            fact.put("outvoted", isOutvoted).put("outlier", liar);
            out.println("source lies the value " + (isOutvoted ? "stays" : "IS") + " " + decimal(outvoted.value())
                    + " m: data node " + liar.substring(0, 16) + "… heard " + LIE
                    + ", is outvoted, named and unpaid");
            return isGood && isOutvoted;
        }
    }

    private static void require(LedgerClient.Outcome outcome) throws IOException {
        if (!outcome.isApplied()) {
            throw new IOException("The ledger refused: " + outcome.reason());
        }
    }

    private static FeedValue await(LedgerClient ledger, Feed feed, Predicate<FeedValue> wanted)
            throws IOException, InterruptedException {
        long end = System.currentTimeMillis() + PATIENCE_MS;
        while (System.currentTimeMillis() < end) {
            FeedValue value = ledger.feed(feed.id()).value();
            if (value != null && wanted.test(value)) {
                return value;
            }
            Thread.sleep(100);
        }
        throw new IOException("No round of the feed came to what was waited for within " + PATIENCE_MS / 1000 + " s.");
    }

    private static String decimal(long value) {
        return BigDecimal.valueOf(value, 2).toPlainString();
    }

    private boolean ask(String feed, ObjectNode result) throws IOException, InterruptedException {
        ObjectNode plumbline = mapper.createObjectNode().put("disclose", true).put("fact_template", TEMPLATE);
        plumbline.putArray("facts").add(feed);
        out.println("> " + TEMPLATE + " " + QUESTION);
        ObjectNode answer = new StreamedChat(network.gateway()).ask(QUESTION, MAX_TOKENS, plumbline, out);
        JsonNode told = answer.at("/plumbline/facts/0");
        out.println("\ntold        " + told.path("name").asText() + ": "
                + told.path("value").asText() + " " + told.path("unit").asText() + " (as of "
                + told.path("time").asText() + "), in block " + told.path("block"));
        Request request = Request.decode(
                Base64.getDecoder().decode(answer.at("/plumbline/request").asText()));
        byte[] proof = Base64.getDecoder()
                .decode(mapper.readTree(request.messages())
                        .at("/sources/facts/0/proof")
                        .asText());
        boolean isProven;
        try {
            FeedProof checked = FeedProof.check(
                    proof, network.genesis().trusted(), Bytes32.of(HEX.parseHex(feed)), request.time() * 1_000);
            isProven = decimal(checked.feed().latest().value())
                    .equals(told.path("value").asText());
            out.println("proof       " + proof.length + " bytes of the request, checked offline: signed by "
                    + checked.entry()
                            .signers(network.genesis().hash(), network.genesis().fullNodes())
                    + " of "
                    + network.genesis().fullNodes().size() + " full nodes");
        } catch (ProofRefusedException e) {
            isProven = false;
            out.println("proof       NOT good: " + e.getMessage());
        }
        JsonNode settled =
                network.awaitSettlement(answer.at("/plumbline/request_hash").asText(), Settlement.Status.SETTLED);
        out.println("ledger      settled at height " + settled.get("height") + ", " + DemoNetwork.certified(settled));
        result.put("value", told.path("value").asText())
                .put("proofBytes", proof.length)
                .put("proven", isProven)
                .put("settled", true);
        return isProven;
    }

    @Override
    public void close() {
        source.stop(0);
    }
}
