package io.plumbline.ledger.faults;

import io.plumbline.ledger.cluster.ClusterSequencer;
import io.plumbline.ledger.cluster.IngressAddress;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.cluster.LedgerIngress;
import io.plumbline.ledger.cluster.LedgerService;
import io.plumbline.ledger.cluster.Member;
import io.plumbline.ledger.cluster.Rejoin;
import io.plumbline.ledger.cluster.Snapshots;
import io.plumbline.ledger.cluster.Voter;
import io.plumbline.ledger.order.Replica;
import io.plumbline.ledger.state.Command.CastVote;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.LedgerState;
import io.plumbline.ledger.state.Node;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.SigningSeen;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Identity;
import io.plumbline.transport.Media;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.agrona.concurrent.AgentRunner;

/**
 * A full node's ledger half in a process of its own, which the fault tests mistreat. Says on standard output what
 * happens, takes orders on standard input. It may lie: "wrong" signs other blocks than it computed, "twice" both.
 */
final class FaultMember implements Replica.Listener {
    /** Small, so that there is something to drop after minutes. */
    static final int TERM_BYTES = 64 << 10;

    private final Voter voter;
    private final Voter liar;
    private final String lie;

    private FaultMember(Voter voter, Voter liar, String lie) {
        this.voter = voter;
        this.liar = liar;
        this.lie = lie;
    }

    /**
     * Arguments: place, genesis file, secret key, folder, members as this one reaches them, and how it lies, if it
     * does.
     */
    public static void main(String[] arguments) throws Exception {
        int id = Integer.parseInt(arguments[0]);
        Genesis genesis = Genesis.decode(Files.readAllBytes(Path.of(arguments[1])));
        KeyPair keys = new KeyPair(HexFormat.of().parseHex(arguments[2]));
        Path folder = Files.createDirectories(Path.of(arguments[3]));
        List<String> members = List.of(arguments[4].split(","));
        AtomicLong aheadMs = new AtomicLong();
        int full = genesis.fullNodes().size();
        Voter voter =
                new Voter(keys, genesis.hash(), full, folder.resolve("votes"), e -> say("withheld " + e.getMessage()));
        // With a file of its own, so that nothing stops it.
        Path lies = Files.createTempDirectory(folder, "lies-").resolve("votes");
        Voter liar = new Voter(keys, genesis.hash(), full, lies, e -> say("lied " + e.getMessage()));
        FaultMember listener = new FaultMember(voter, liar, arguments.length > 5 ? arguments[5] : "");
        LedgerService service = new LedgerService(genesis, listener, folder);
        Member.Place place = new Member.Place(
                id,
                members,
                folder,
                1,
                TERM_BYTES,
                keys,
                genesis.hash(),
                genesis.fullNodes(),
                () -> System.currentTimeMillis() + aheadMs.get());
        List<IngressAddress> ingresses = ingresses(members, genesis);
        String host = ingresses.get(id).host();
        say("copied " + Rejoin.prepare(place, host, ingresses, at -> {}));
        Member member = new Member(
                place,
                service,
                e -> say("error " + String.valueOf(e.getMessage()).replace('\n', ' ')),
                () -> {
                    say("ended");
                    Runtime.getRuntime().halt(3);
                });
        ClusterSequencer cluster = new ClusterSequencer(
                member.aeronDirectory(), Member.ingressEndpoints(members), host, keys, genesis.hash());
        LedgerClient ledger = new LedgerClient(cluster, keys, genesis.hash());
        Media media = new Media(folder.resolve("outside"), e -> say("error " + e), () -> say("ended"));
        Endpoint endpoint = new Endpoint(
                media.aeron(),
                host,
                ingresses.get(id).port(),
                new Identity(keys::sign, keys.publicKey().bytes()),
                new LedgerIngress(cluster, service.admission(), member::logStart).protocol());
        AgentRunner.startOnThread(
                new AgentRunner(Drivers.idle(media.directory()), e -> say("error " + e), null, endpoint));
        voter.begin(ledger, service::signingSeen);
        // It does not care what its key has signed.
        liar.begin(ledger, (key, commands) -> new SigningSeen(id, 0, -1, true));
        say("started");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String order; (order = in.readLine()) != null; ) {
            obey(order, service, member, voter, aheadMs);
        }
        // The test is gone.
        Runtime.getRuntime().halt(0);
    }

    /** Behind the members' own ports. */
    static List<IngressAddress> ingresses(List<String> members, Genesis genesis) {
        List<IngressAddress> ingresses = new ArrayList<>();
        for (int i = 0; i < members.size(); i++) {
            int colon = members.get(i).indexOf(':');
            int port = Integer.parseInt(members.get(i).substring(colon + 1)) + Member.PORTS;
            ingresses.add(new IngressAddress(
                    members.get(i).substring(0, colon + 1) + port,
                    genesis.fullNodes().get(i)));
        }
        return ingresses;
    }

    private static void obey(String order, LedgerService service, Member member, Voter voter, AtomicLong aheadMs) {
        String[] words = order.split(" ");
        try {
            say(
                    switch (words[0]) {
                        case "state" ->
                            "state " + service.look(FaultMember::describe).get();
                        case "leads" -> "leads " + member.leads();
                        case "snapshot" -> "snapshot " + member.snapshot();
                        case "snapshots" -> "snapshots " + member.snapshots();
                        case "purge" -> "purge " + member.purge();
                        case "step" -> "step " + voter.stepOn();
                        case "clock" -> {
                            aheadMs.set(Long.parseLong(words[1]));
                            yield "clock " + words[1];
                        }
                        default -> "what " + order;
                    });
        } catch (IOException | RuntimeException | InterruptedException | java.util.concurrent.ExecutionException e) {
            say(words[0] + " failed: " + e.getMessage());
        }
    }

    /** Height, root, money, what the first depositor has at stake, the epoch, who was found guilty. */
    private static String describe(LedgerState state) {
        return state.height() + " " + Blake3.hex(state.root()) + " " + state.total() + " " + state.deposited() + " "
                + state.account(FaultLoad.SAVER.publicKey()).stake() + " "
                + state.blocks().epoch() + " "
                + state.guilty().keySet().toString().replace(" ", "");
    }

    @Override
    public void onAudit(Settlement changed, Node node) {
        // Nobody is audited here.
    }

    @Override
    public void onBlock(BlockHeader header, long epoch, Collection<EpochStatement> statements) {
        if (!lie.equals("wrong")) {
            voter.onBlock(header, epoch, statements);
        }
        if (!lie.isEmpty()) {
            liar.onBlock(
                    new BlockHeader(header.number(), new byte[32], header.range(), header.height(), header.timeMs()),
                    epoch,
                    statements);
        }
    }

    @Override
    public void onCertified(BlockHeader header, Certificate certificate) {
        say("certified " + header.number() + " " + Blake3.hex(header.hash()));
        voter.onCertified(header.number(), certificate);
    }

    @Override
    public void onSnapshot(byte[] snapshot, long height) {
        voter.onSnapshot(height, Snapshots.hash(snapshot));
    }

    @Override
    public void onVote(CastVote vote) {
        voter.onVote(vote);
    }

    private static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
