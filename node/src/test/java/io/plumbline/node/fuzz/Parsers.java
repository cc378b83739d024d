package io.plumbline.node.fuzz;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.ThreadMXBean;
import io.aeron.cluster.service.Cluster;
import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.checkpoint.HuggingFaceConfig;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Replay;
import io.plumbline.inference.language.gguf.GgufCheckpoint;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.safetensors.SafetensorsCheckpoint;
import io.plumbline.inference.language.safetensors.SafetensorsFile;
import io.plumbline.inference.language.safetensors.SafetensorsWriter;
import io.plumbline.inference.language.template.ChatTemplate;
import io.plumbline.inference.language.template.Limits;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.inference.tensor.TensorJson;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.onnx.OneProduct;
import io.plumbline.inference.tensor.onnx.OnnxModel;
import io.plumbline.inference.tensor.onnx.TensorRtOperators;
import io.plumbline.ledger.cluster.LedgerService;
import io.plumbline.ledger.cluster.SigningHistory;
import io.plumbline.ledger.order.DealPage;
import io.plumbline.ledger.order.FeedPage;
import io.plumbline.ledger.order.FeedReading;
import io.plumbline.ledger.order.Query;
import io.plumbline.ledger.order.Replica;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.DeclaredFeed;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.Feed;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.LedgerState;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Signed;
import io.plumbline.ledger.state.SigningRecord;
import io.plumbline.ledger.state.StorageDeal;
import io.plumbline.ledger.state.StorageTerms;
import io.plumbline.ledger.state.Succession;
import io.plumbline.ledger.tree.MerkleMountainRange;
import io.plumbline.node.Wires;
import io.plumbline.transport.PartsWire;
import io.plumbline.transport.TlsWire;
import io.plumbline.verifier.audit.AnswerView;
import io.plumbline.verifier.audit.Assignment;
import io.plumbline.verifier.audit.AuditReport;
import io.plumbline.verifier.audit.Auditor;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Evidence;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.Opening;
import io.plumbline.verifier.audit.OpeningLayout;
import io.plumbline.verifier.audit.Seal;
import io.plumbline.verifier.blake3.ChainingValues;
import io.plumbline.verifier.blake3.ChunkSet;
import io.plumbline.verifier.blake3.Domain;
import io.plumbline.verifier.blake3.Slice;
import io.plumbline.verifier.choice.ChoiceRule;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.grammar.Grammar;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.CertifiedDeal;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.CertifiedFeed;
import io.plumbline.verifier.lightclient.CertifiedSettlement;
import io.plumbline.verifier.lightclient.LedgerHashes;
import io.plumbline.verifier.lightclient.RangeProof;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.model.VerifierKeyFile;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.LogitAdjustments;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.RemoteSecret;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import io.plumbline.verifier.tensor.Fingerprint;
import io.plumbline.verifier.tensor.InputFact;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorAnswer;
import io.plumbline.verifier.tensor.TensorManifest;
import io.plumbline.verifier.tensor.TensorRequest;
import io.plumbline.verifier.tolerant.Bounds;
import io.plumbline.verifier.tolerant.BoundsMaker;
import io.plumbline.verifier.tolerant.HonestRuns;
import io.plumbline.verifier.tolerant.InputRange;
import io.plumbline.verifier.tolerant.OutputBounds;
import io.plumbline.verifier.tolerant.TolerantAuditor;
import io.plumbline.verifier.tolerant.TolerantEvidence;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.agrona.concurrent.UnsafeBuffer;

/** Everything that parses bytes a stranger may send or hand over, each with inputs that are right. */
final class Parsers implements AutoCloseable {
    /** Bytes that a parser may allocate beside what it allocates for each byte of input. */
    private static final long ALLOWED_BYTES = 4 << 20;

    private static final long ALLOWED_PER_BYTE = 64;

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /** A cluster that grants everything at once. */
    private static final Cluster CLUSTER = (Cluster) Proxy.newProxyInstance(
            Parsers.class.getClassLoader(),
            new Class<?>[] {Cluster.class},
            (proxy, method, arguments) -> method.getReturnType() == boolean.class ? true : null);

    /** Templates that use what published ones use. */
    private static final List<String> TEMPLATES = List.of(
            "{%- set ns = namespace(found=false) -%}\n{%- for m in messages if m.content is defined %}\n"
                    + "  {{- '<|' + m['role'] + '|>' ~ m.content | trim ~ loop.index }}{% set ns.found = true %}\n"
                    + "{%- else %}{{ raise_exception('none') }}{%- endfor %}{{ ns.found }}",
            "{% macro m(x, depth=0) %}{% if x is mapping %}{% for k, v in x | dictsort %}{{ k }}={{ m(v, 1) }}"
                    + "{% endfor %}{% else %}{{ x | string | indent(2) }}{% endif %}{% endmacro %}{{ m(messages[0]) }}",
            "{% for p in messages[0].content.split('a', 1)[::-1] recursive %}{% generation %}{{ p | tojson(indent=2) }}"
                    + "{% endgeneration %}{% if loop.first %}{% continue %}{% endif %}{% endfor %}",
            "{{ messages | selectattr('content', 'defined') | map(attribute='content') | map('upper') | join(', ') }}"
                    + "{% raw %}{{ }}{% endraw %}{# c #}{{ 1.5e3 // -2 ** n % 3 }}{{ strftime_now('%d %b') }}",
            "{% macro c() %}{{ caller(1) }}{% endmacro %}{% call(x) c() %}{{ '%5.2f|%-5s' % (n / 2, x) }}{% endcall %}"
                    + "{{ '{:>5} {0[a]}'.format({'a': 1}) if false }}{{ {'a': [1, (2,)]} }}{% set y %}a{% endset %}");

    /**
     * One parser. Refusals are {@link MalformedException}, IOException and IllegalArgumentException; anything else is a
     * fault.
     */
    @FunctionalInterface
    interface Parser {
        void parse(byte[] bytes) throws IOException;
    }

    private record Entry(Parser parser, Supplier<List<byte[]>> seeds) {}

    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private final Path folder;
    private final Path scratch;
    private final LoadedModel model;
    private final VerifierKey key;
    private final ChatTokenizer tokenizer;
    private final KeyPair node = KeyPair.random();
    private final Request request;
    private final Answer answer;
    private final Receipt receipt;
    private final Replay replay;
    private final AnswerView view;

    private static final String GRAMMAR = """
            root ::= value # JSON
            value ::= "{" (pair ("," pair)*)? "}" | "[" (value ("," value)*)? "]" | string | [0-9]{1,5} | "true"
            pair ::= string ":" value
            string ::= "\\"" ([^"\\\\\\x00-\\x1f] | "\\\\" .)+ "\\""
            """;

    Parsers() throws IOException {
        folder = Files.createTempDirectory("plumbline-fuzz-");
        scratch = folder.resolve("input");
        model = TestModels.load(TestModels.SHIPPED, folder);
        key = model.verifierKey(share -> {});
        tokenizer = ChatTokenizer.of(key.tokenFiles());
        request = new Request(
                model.id(),
                "",
                0,
                new int[] {0, 560, 376},
                new Sampling(0.7f, 5, 900_000, 3),
                6,
                model.stopTokens(),
                List.of("\n\n\n"),
                Bytes32.ZERO,
                new byte[16]);
        ForwardPass forward = TestModels.forward(model);
        Generator generator = new Generator(forward, node.publicKey());
        Generator.Result result = generator.generate(request, token -> {});
        answer = new Answer(result.tokens(), tokenizer.decode(result.tokens()));
        replay = new Replay(generator, forward, node.publicKey(), request, result.tokens());
        receipt = Receipt.of(request, answer, replay.root(), result.traceBytes(), 9, node);
        view = new AnswerView(model.manifest(), node.publicKey(), request.promptTokens(), answer.tokens());
        records();
        openings();
        frames();
        files();
        templates();
        tensors();
    }

    /** All parsers, by name. */
    Stream<String> names() {
        return entries.keySet().stream();
    }

    List<byte[]> seeds(String name) {
        return entries.get(name).seeds().get();
    }

    /**
     * Runs one parser on one input.
     *
     * @throws AssertionError when it allocates more than it may; whatever else it throws that is no refusal is passed
     *     on.
     */
    void run(String name, byte[] bytes) {
        Entry entry = entries.get(name);
        if (entry == null) {
            throw new IllegalStateException("No parser is called " + name + ". There are: " + entries.keySet() + ".");
        }
        long allocated = allocated(entry.parser(), bytes);
        long allowed = ALLOWED_BYTES + ALLOWED_PER_BYTE * bytes.length;
        // Loading a class for the first time is no fault: what comes a second time is the input's.
        if (allocated > allowed && (allocated = allocated(entry.parser(), bytes)) > allowed) {
            throw new AssertionError(
                    name + " allocated " + allocated + " bytes for an input of " + bytes.length + " bytes");
        }
    }

    private static long allocated(Parser parser, byte[] bytes) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        try {
            parser.parse(bytes);
        } catch (MalformedException | IOException | IllegalArgumentException e) {
            // Refused, as it should be.
        }
        return THREADS.getCurrentThreadAllocatedBytes() - before;
    }

    private void add(String name, Parser parser, Supplier<List<byte[]>> seeds) {
        entries.put(name, new Entry(parser, seeds));
    }

    private void records() {
        add("receipt", bytes -> Receipt.decode(bytes).signatureHolds(), () -> List.of(receipt.encode()));
        Request adorned = new Request(
                model.id(),
                "",
                0,
                new int[] {5},
                new Sampling(
                        0.7f, 5, 900_000, 9, 3, new LogitAdjustments(7, 8, 1_100_000, new int[] {3, 4}, new int[] {5, 6
                        })),
                6,
                model.stopTokens(),
                List.of(),
                "root ::= \"a\"",
                Bytes32.ZERO,
                new byte[16]);
        add("request", bytes -> Request.decode(bytes).hash(), () -> List.of(request.encode(), adorned.encode()));
        add(
                "grammar",
                bytes -> Grammar.parse(new String(bytes, StandardCharsets.UTF_8))
                        .matches("{\"a\":[1,\"\u00e9\"]}".getBytes(StandardCharsets.UTF_8)),
                () -> List.of(GRAMMAR.getBytes(StandardCharsets.UTF_8)));
        add("answer", bytes -> Answer.decode(bytes).hash(), () -> List.of(answer.encode()));
        add(
                "manifest",
                bytes -> Manifest.parse(new String(bytes, StandardCharsets.UTF_8)),
                () -> List.of(model.manifest().text().getBytes(StandardCharsets.UTF_8)));
        Genesis genesis = new Genesis(List.of(node.publicKey()), List.of(new Genesis.Deposit(node.publicKey(), 1000)));
        add("genesis", Genesis::decode, () -> List.of(genesis.encode()));
        add("trusted-ledger", TrustedLedger::ofGenesis, () -> List.of(genesis.encode()));
        Command register = new Command.RegisterNode(500, model.id(), 2, "127.0.0.1", 9);
        Command escrow = new Command.OpenEscrow(request.hash(), node.publicKey(), 2, 100, Level.FULL);
        Command submit = new Command.SubmitReceipt(receipt);
        Command post = new Command.PostChallenge(request.hash(), new Cell(1, 2, 3));
        byte[] header = new byte[32];
        Feed feed = new Feed(node.publicKey(), "name", "unit", 1, 0, 9, 1_000, 900, 1, 60_000, Bytes32.of(header), 1);
        StorageTerms terms =
                new StorageTerms(Bytes32.of(header), 9, StorageTerms.ANY_NODE, 9_000, 2_000, 1_000, 2, 3, 1, 1);
        long dealNumber = 5;
        Command vote = new Command.CastVote(
                node.publicKey(), 0, 0, header, node.sign(Certificate.message(genesis.hash(), 0, 0, header)));
        List<Command> commands = List.of(
                register,
                escrow,
                submit,
                post,
                vote,
                new Command.DepositMoney(node.publicKey(), 5, Bytes32.of(header)),
                new Command.Withdraw(5, "bank"),
                new Command.Bond(5),
                new Command.Unbond(5),
                new Command.RegisterDataNode(5, "127.0.0.1", 9),
                new Command.RegisterModel(model.id(), "stories", ""),
                new Command.ReportFeed("feed", 1, header),
                new Command.DeclareFeed(feed),
                new Command.FundFeed(feed.id(), 5),
                new Command.ReportValue(feed.id(), 0, 3, 1, 2, header, header),
                new Command.ProposeDeal(terms),
                new Command.AcceptDeal(dealNumber, new byte[3]),
                new Command.ProveStorage(dealNumber, 0, new byte[9]),
                new Command.NameSuccessor(Bytes32.of(header)),
                Command.RotateKey.of(genesis.hash(), node.publicKey(), node),
                new Command.ProposeParameters(Parameters.DEFAULT),
                new Command.StateEpoch(
                        EpochStatement.of(genesis.hash(), 1, 0, new TreeMap<>(Map.of(0L, header)), node)));
        add(
                "command",
                bytes -> {
                    LedgerState state = new LedgerState(genesis);
                    state.apply(Signed.decode(bytes), 5);
                    Signed.decode(bytes).commands();
                },
                () -> commands.stream()
                        .map(command ->
                                Signed.of(genesis.hash(), node, 1000, command).encode())
                        .toList());
        SigningRecord history = new SigningRecord(7, new TreeMap<>(Map.of(0L, header, 2L, header)), 7, 2, 3);
        add(
                "signing-history",
                SigningHistory::decode,
                () -> List.of(new SigningHistory(genesis.hash(), node.publicKey(), history).encode()));
        add(
                "succession",
                bytes -> Succession.read(new CanonicalReader(bytes, "succession")),
                () -> List.of(
                        new Succession(node.publicKey(), Bytes32.of(header), Bytes32.ZERO, 5, false, null).encode()));
        add(
                "commands-for-a-signer",
                bytes -> Signed.unsigned(genesis.hash(), bytes).commands(),
                () -> {
                    List<byte[]> asked = new ArrayList<>();
                    RemoteSecret signer = new RemoteSecret() {
                        @Override
                        public byte[] sign(byte[] message) {
                            return node.sign(message);
                        }

                        @Override
                        public byte[] sign(Domain domain, byte[] content) {
                            asked.add(content);
                            return sign(domain.hash(content));
                        }
                    };
                    commands.forEach(
                            command -> Signed.of(genesis.hash(), new KeyPair(node.publicKey(), signer), 1000, command));
                    return asked;
                });
        LedgerState state = new LedgerState(genesis);
        commands.forEach(command -> state.apply(Signed.of(genesis.hash(), node, 1000, command), 5));
        add("ledger-snapshot", bytes -> LedgerState.decode(genesis, bytes).root(), () -> {
            LedgerState later = LedgerState.decode(genesis, state.encode());
            later.expire(feed.closesMs(0));
            return List.of(state.encode(), later.encode());
        });
        LedgerState closed = LedgerState.decode(genesis, state.encode());
        closed.expire(feed.closesMs(0));
        byte[] declared = closed.feed(feed.id()).encode();
        add("feed", bytes -> DeclaredFeed.read(new CanonicalReader(bytes, "feed")), () -> List.of(declared));
        add("certified-feed", CertifiedFeed::decode, () -> List.of(declared));
        add(
                "feed-reading",
                FeedReading::decode,
                () -> List.of(new Replica(closed, (changed, by) -> {}, (t, at) -> {})
                        .answer(Query.FEED, feed.id().bytes(), 1_000)));
        add(
                "feed-page",
                FeedPage::decode,
                () -> List.of(new Replica(closed, (changed, by) -> {}, (t, at) -> {})
                        .answer(Query.FEEDS, new byte[0], 1_000)));
        byte[] offers = new CanonicalWriter()
                .putBytes32(node.publicKey())
                .putFixed(new byte[1])
                .putLong(-1)
                .toBytes();
        byte[] deals = new Replica(closed, (changed, by) -> {}, (t, at) -> {}).answer(Query.DEALS, offers, 1_000);
        byte[] deal = DealPage.decode(deals).deals().getFirst().encode();
        add("deal-page", DealPage::decode, () -> List.of(deals));
        add("certified-deal", CertifiedDeal::decode, () -> List.of(deal));
        add("deal", bytes -> StorageDeal.read(new CanonicalReader(bytes, "storage deal")), () -> List.of(deal));
        LedgerState signed = new LedgerState(genesis);
        signed.apply(Signed.of(genesis.hash(), node, 1000, register), 5);
        byte[] block = signed.closeBlock(6).hash();
        byte[] signature = node.sign(Certificate.message(genesis.hash(), 0, 0, block));
        signed.apply(
                Signed.of(genesis.hash(), node, 1000, new Command.CastVote(node.publicKey(), 0, 0, block, signature)),
                7);
        CertifiedEntry entry = signed.blocks().prove(LedgerHashes.Kind.NODE, node.publicKey());
        CertifiedEntry none = signed.blocks().prove(LedgerHashes.Kind.SETTLEMENT, Bytes32.of(header));
        add(
                "certified-entry",
                bytes -> CertifiedEntry.decode(bytes).fault(genesis.hash(), genesis.fullNodes()),
                () -> List.of(entry.encode(), none.encode()));
        MerkleMountainRange range = new MerkleMountainRange();
        for (int i = 0; i < 11; i++) {
            range.add(new byte[32]);
        }
        add(
                "range-proof",
                bytes -> RangeProof.decode(bytes).shows(range.root(), header),
                () -> List.of(range.prove(4).encode(), range.prove(10).encode()));
        add(
                "case",
                Settlement::decode,
                () -> List.of(state.findSettlement(request.hash()).encode()));
        add(
                "certified-settlement",
                CertifiedSettlement::decode,
                () -> List.of(state.findSettlement(request.hash()).encode()));
        add(
                "ledger-frame",
                bytes -> {
                    LedgerService service = new LedgerService(genesis, (changed, by) -> {});
                    service.onStart(CLUSTER, null);
                    service.onSessionMessage(null, 5, new UnsafeBuffer(bytes), 0, bytes.length, null);
                },
                () -> Wires.ledgerFrames(
                        Signed.of(genesis.hash(), node, 1000, register).encode(),
                        request.hash().bytes()));
    }

    private Seal seal(Cell cell) {
        return replay.seal(cell, replay.bytes(cell), receipt.hash().bytes(), node);
    }

    private void openings() {
        int layers = model.config().layers();
        add(
                "seal",
                bytes -> Seal.decode(bytes).holds(node.publicKey(), receipt.hash(), new Cell(1, 2, 4)),
                () -> List.of(
                        seal(new Cell(1, 2, 4)).encode(),
                        seal(new Cell(layers, 4, 5)).encode()));
        ThreadLocal<Auditor> auditor = ThreadLocal.withInitial(() -> new Auditor(key, tokenizer));
        for (Cell cell : List.of(new Cell(0, 3, 5), new Cell(1, 3, 4), new Cell(layers, 4, 6))) {
            String name =
                    "opening-" + (cell.layer() == layers ? "choices" : cell.layer() == 0 ? "layer" : "inner-layer");
            add(
                    name,
                    bytes -> auditor.get()
                            .cell(
                                    view,
                                    receipt,
                                    ChoiceRule.of(request, tokenizer::vocabulary),
                                    cell,
                                    Opening.of(MemorySegment.ofArray(bytes), null)),
                    () -> List.of(replay.bytes(cell).toArray(ValueLayout.JAVA_BYTE)));
        }
        byte[] message = new byte[10_000];
        Slice slice = new Slice(
                null, message.length, new ChunkSet().addBytes(1500, 4000).addBytes(9500, 10_000));
        ChainingValues tree = ChainingValues.of(null, MemorySegment.ofArray(message));
        add(
                "slice",
                bytes -> slice.verify(MemorySegment.ofArray(bytes), tree.root()),
                () -> List.of(slice.cut(
                        tree,
                        (from, target, offset, length) ->
                                System.arraycopy(message, (int) from, target, offset, length))));
        add("evidence", bytes -> Evidence.decode(bytes).check(null, null), () -> List.of(evidence()));
    }

    /** Of a node that signed a false product. */
    private byte[] evidence() {
        Cell cell = new Cell(1, 3, 5);
        OpeningLayout layout = OpeningLayout.of(view, cell);
        try (Auditor auditor = new Auditor(key, tokenizer)) {
            AuditReport report = auditor.audit(
                    receipt,
                    request,
                    answer,
                    new Assignment(Level.AUDITED, null, List.of(cell)),
                    asked -> {
                        byte[] bytes = replay.bytes(asked).toArray(ValueLayout.JAVA_BYTE);
                        bytes[Math.toIntExact(OpeningLayout.of(view, asked).proof()) + 5] ^= 1;
                        MemorySegment all = MemorySegment.ofArray(bytes);
                        return Opening.of(
                                all, Seal.of(receipt.hash().bytes(), OpeningLayout.of(view, asked), all, node));
                    },
                    null);
            Evidence evidence = Evidence.of(key, receipt, request, answer, report);
            Evidence.FalseProduct product = evidence.check(model::tensor, null).product();
            return evidence.with(product, model::tensor).encode();
        } catch (IOException e) {
            throw new IllegalStateException(layout + " cannot be opened", e);
        }
    }

    private void frames() {
        add(
                "client-frame",
                Wires.client()::parse,
                () -> Wires.clientFrames(
                        answer.encode(),
                        receipt.encode(),
                        seal(new Cell(1, 2, 4)).encode()));
        add("node-frame", Wires.node()::parse, () -> Wires.nodeFrames(request.encode(), receipt.hash()));
    }

    private void files() throws IOException {
        Wires.open(model);
        add(
                "safetensors",
                file(path -> {
                    try (Arena arena = Arena.ofConfined()) {
                        SafetensorsFile.map(path, arena);
                    }
                }),
                () -> List.of(start(model.folder().resolve("model.safetensors"), 20_000)));
        add("gguf", file(path -> GgufCheckpoint.open(path).close()), () -> List.of(gguf()));
        index();
        add(
                "config",
                bytes -> HuggingFaceConfig.parse(new ObjectMapper().readTree(bytes), "config.json"),
                () -> List.of(start(model.folder().resolve("config.json"), 20_000)));
        add("verifier-key", file(VerifierKeyFile::read), () -> List.of(keyFile()));
        add(
                "chat-request",
                bytes -> {
                    JsonNode json = new ObjectMapper().readTree(bytes);
                    Wires.chat(json == null ? new ObjectMapper().createObjectNode() : json, model);
                },
                () -> List.of(
                        ("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}],\"n\":2,\"stop\":[\"a\"],"
                                        + "\"temperature\":0.5,\"top_p\":0.9,\"max_tokens\":5,\"plumbline\":{\"level\":\"full\"}}")
                                .getBytes(StandardCharsets.UTF_8)));
    }

    /** A folder beside which lies a shard that is not its own. */
    private void index() throws IOException {
        Path checkpoint = Files.createDirectories(folder.resolve("checkpoint"));
        Files.copy(model.folder().resolve("config.json"), checkpoint.resolve("config.json"));
        shard(checkpoint.resolve("one.safetensors"), "inside.weight");
        shard(folder.resolve("outside.safetensors"), "outside.weight");
        Path index = checkpoint.resolve("model.safetensors.index.json");
        add(
                "safetensors-index",
                bytes -> {
                    Files.write(index, bytes);
                    try (SafetensorsCheckpoint opened = SafetensorsCheckpoint.open(checkpoint)) {
                        if (opened.unused().contains("outside.weight")) {
                            throw new AssertionError("a shard outside the checkpoint's folder was read");
                        }
                    }
                },
                () -> List.of(
                        "{\"metadata\":{},\"weight_map\":{\"inside.weight\":\"one.safetensors\"}}"
                                .getBytes(StandardCharsets.UTF_8),
                        "{\"weight_map\":{\"outside.weight\":\"./../outside.safetensors\"}}"
                                .getBytes(StandardCharsets.UTF_8)));
    }

    private static void shard(Path file, String tensor) throws IOException {
        Map<String, SafetensorsWriter.Declared> one =
                Map.of(tensor, new SafetensorsWriter.Declared("I8", new int[] {4}, 4));
        try (SafetensorsWriter out = new SafetensorsWriter(file, one)) {
            out.write(tensor, new byte[4], 4);
        }
    }

    /**
     * A template and, after a zero byte, what a user writes: the one is read, and renders the other. Both are short and
     * the steps few: where Jazzer drives, each comparison of texts allocates a kilobyte or two, which counts here.
     */
    private void templates() {
        Limits few = new Limits(1000, 80, 300, 500, 64 << 10, 256 << 10, 1000, Duration.ofSeconds(10));
        add(
                "chat-template",
                bytes -> {
                    byte[] start = Arrays.copyOf(bytes, Math.min(bytes.length, few.sourceCharacters()));
                    String[] parts = new String(start, StandardCharsets.UTF_8).split("\0", 2);
                    Map<String, Object> message = Map.of("role", "user", "content", parts[parts.length - 1]);
                    List<Object> messages = List.of(message, Map.of("role", "assistant"));
                    new ChatTemplate(parts[0], few).render(Map.of("messages", messages, "n", 7), Clock.systemUTC());
                },
                () -> TEMPLATES.stream()
                        .map(source -> (source + "\0Hi {{ 7 * 7 }} é😀").getBytes(StandardCharsets.UTF_8))
                        .toList());
    }

    private void tensors() throws IOException {
        Path onnx = Path.of("../models/plumbline-shapes/shapes.onnx");
        TensorPackage shapes = TensorPackage.importModel(onnx, folder.resolve("shapes"), share -> {});
        Tensor picture = Tensor.ofFloats("image", new long[] {1, 1, 32, 32}, new float[1024]);
        Tensor texts = Tensor.ofStrings("texts", new long[] {2}, List.of(new byte[] {65}, new byte[0]));
        TensorRequest asked = new TensorRequest(
                shapes.manifest().id(),
                new byte[32],
                Precision.FP16,
                List.of(picture, texts),
                List.of("scores"),
                Bytes32.ZERO,
                new byte[16]);
        Fingerprint engine = new Fingerprint("onnxruntime", "1", "cpu", Precision.FP16, "");
        Tensor scores = Tensor.ofFloats("scores", new long[] {1, 6}, 1, 2, 3, 4, 5, 6);
        TensorAnswer given = new TensorAnswer(List.of(scores), engine);
        Receipt signed = Receipt.of(asked, given, 1, 2, node);
        TensorRequest told = new TensorRequest(
                asked.modelId(),
                new byte[32],
                Precision.FP32,
                List.of(picture),
                List.of(new InputFact("image", 7, Bytes32.ZERO, new byte[9])),
                1_700_000_000,
                List.of("scores"),
                Bytes32.ZERO,
                new byte[16]);
        add(
                "tensor-request",
                bytes -> TensorRequest.decode(bytes).hash(),
                () -> List.of(asked.encode(), told.encode()));
        add("tensor-answer", bytes -> TensorAnswer.decode(bytes).hash(), () -> List.of(given.encode()));
        add(
                "tolerant-evidence",
                bytes -> {
                    TolerantEvidence evidence = TolerantEvidence.decode(bytes);
                    TolerantAuditor.checkReceipt(
                            evidence.receipt(), evidence.request(), evidence.answer(), shapes.manifest());
                },
                () -> List.of(new TolerantEvidence(signed, asked, given).encode()));
        add(
                "tensor-manifest",
                bytes -> TensorManifest.parse(new String(bytes, StandardCharsets.UTF_8))
                        .batchDimension(),
                () -> List.of(shapes.manifest().text().getBytes(StandardCharsets.UTF_8)));
        BoundsMaker maker = new BoundsMaker(Precision.FP32);
        maker.add(new HonestRuns(given.outputs(), List.of()), given.outputs());
        TreeMap<Precision, SortedMap<String, OutputBounds>> byPrecision = new TreeMap<>();
        byPrecision.put(Precision.FP32, maker.bounds(4, Set.of()));
        Bounds bounds = new Bounds(
                shapes.manifest().id(),
                4,
                new TreeMap<>(Map.of(Precision.FP32, 1)),
                new TreeMap<>(Map.of("x", new InputRange(-1, 2))),
                byPrecision);
        add(
                "bounds",
                bytes -> Bounds.parse(new String(bytes, StandardCharsets.UTF_8)).hash(),
                () -> List.of(bounds.text().getBytes(StandardCharsets.UTF_8)));
        add("onnx", file(path -> TensorRtOperators.missing(OnnxModel.read(path))), () -> onnxSeeds(onnx));
        add(
                "tensor-json",
                bytes -> {
                    JsonNode json = new ObjectMapper().readTree(bytes);
                    if (json != null) {
                        json.path("inputs").forEach(TensorJson::tensor);
                    }
                },
                () -> List.of(("{\"inputs\":[" + TensorJson.json(scores) + "," + TensorJson.json(texts)
                                + ",{\"name\":\"a\",\"datatype\":\"UINT8\",\"shape\":[2,1],\"data\":[[1],[255]]}]}")
                        .getBytes(StandardCharsets.UTF_8)));
        add("first-frame", TlsWire::parse, TlsWire::frames);
        add("parts", PartsWire::parse, () -> PartsWire.frames(asked.encode()));
    }

    /** A model that ships, and files that hide the name of another file. */
    private List<byte[]> onnxSeeds(Path shipped) {
        List<byte[]> seeds = new ArrayList<>(List.of(start(shipped, 1 << 20)));
        try {
            for (OneProduct.Hiding hiding : OneProduct.Hiding.values()) {
                Path file = OneProduct.writeHidden(folder.resolve("hidden.onnx"), "../secret", hiding);
                seeds.add(Files.readAllBytes(file));
            }
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return seeds;
    }

    private interface OfFile {
        void open(Path path) throws IOException;
    }

    private Parser file(OfFile parser) {
        return bytes -> {
            Files.write(scratch, bytes, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING);
            Files.setPosixFilePermissions(
                    scratch, java.nio.file.attribute.PosixFilePermissions.fromString("rw-------"));
            parser.open(scratch);
        };
    }

    /** The first bytes of a file: its header, and tensors that are no longer there. */
    private static byte[] start(Path path, int bytes) {
        try (var in = Files.newInputStream(path)) {
            return in.readNBytes(bytes);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private byte[] keyFile() {
        try {
            Path path = folder.resolve("seed.key");
            model.verifierKey(path, share -> {});
            return Files.readAllBytes(path);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private byte[] gguf() {
        try {
            return Wires.gguf(folder.resolve("seed.gguf"));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() throws IOException {
        model.close();
        Directories.discard(folder);
    }
}
