package io.plumbline.node.cli;

import com.beust.jcommander.JCommander;
import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.converters.PathConverter;
import io.aeron.cluster.ClusterTool;
import io.plumbline.ledger.cluster.Backup;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Account;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.node.full.Accuser;
import io.plumbline.node.full.AdminCommands;
import io.plumbline.node.full.AdminSocket;
import io.plumbline.node.network.Network;
import io.plumbline.node.network.Terminal;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Media;
import io.plumbline.verifier.audit.Evidence;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;

/** {@code plumbline ledger}: what operators of full nodes and owners of accounts do with the ledger. */
@Parameters(commandNames = "ledger", commandDescription = "Operate a full node's ledger, or an account on it.")
public final class LedgerCommands extends CommandOptions implements Callable<Integer> {
    public static void addTo(JCommander ledger) {
        for (String order : new String[] {"status", "snapshot", "purge", "step-on"}) {
            ledger.addCommand(order, new Order(order));
        }
        ledger.addCommand(new ShowBlock());
        ledger.addCommand(new ShowRequest());
        ledger.addCommand(new CopyIndex());
        ledger.addCommand(new Propose());
        ledger.addCommand(new NewKey());
        ledger.addCommand(new NewNetwork());
        ledger.addCommand(new TakeBackup());
        ledger.addCommand(new InvalidateSnapshot());
        ledger.addCommand(new ShowAccount());
        ledger.addCommand(new Deposit());
        ledger.addCommand(new Withdraw());
        ledger.addCommand(new Bond());
        ledger.addCommand(new Unbond());
        ledger.addCommand(new Publish());
        ledger.addCommand(new AccuseNode());
    }

    @Override
    public Integer call() throws IOException {
        throw new IOException(
                "Say what to do with the ledger: a full node's status, snapshot, purge, step-on, block, request, propose,"
                        + " copy-index, backup, invalidate-snapshot; a new network's new-key, new-network; an account's account, deposit, withdraw, bond, unbond, publish, accuse.");
    }

    /** What a full node that runs with a folder on this host is asked. */
    abstract static class Asked extends CommandOptions implements Callable<Integer> {
        @Parameter(names = "--dir", required = true, description = "DIR: of the running full node")
        private Path dir;

        /** The line it is sent, see {@link AdminCommands#execute}. */
        abstract String line() throws IOException;

        @Override
        public Integer call() throws IOException {
            AdminSocket.ask(dir, line()).lines().forEach(Terminal::print);
            return 0;
        }
    }

    @Parameters(commandDescription = "Have the full node that runs with --dir say how it stands, or do this.")
    static final class Order extends Asked {
        private final String order;

        Order(String order) {
            this.order = order;
        }

        @Override
        String line() {
            return order;
        }
    }

    @Parameters(commandNames = "block", commandDescription = "Show a certified block, and its proof by the last one.")
    static final class ShowBlock extends Asked {
        @Parameter(names = "--number", required = true, description = "of the block")
        private long number;

        @Override
        String line() {
            return "block " + number;
        }
    }

    @Parameters(commandNames = "request", commandDescription = "Show what became of a request, however long ago.")
    static final class ShowRequest extends Asked {
        @Parameter(names = "--request", required = true, description = "HASH: 64 hexadecimal digits")
        private String request;

        @Override
        String line() throws IOException {
            return "request " + HexFormat.of().formatHex(Session.key(request, "--request"));
        }
    }

    @Parameters(
            commandNames = "copy-index",
            commandDescription = "Copy the index for another full node that has lost its own.")
    static final class CopyIndex extends Asked {
        @Parameter(
                names = "--to",
                required = true,
                description = "DIR: must not exist; the folder \"index\" of the other's --dir afterwards")
        private Path to;

        @Override
        String line() {
            return "copy-index " + to.toAbsolutePath();
        }
    }

    private static final String SET =
            "NAME=VALUE: a parameter; again for more. commitMs graceMs revealMs escrowMs tokenMs unbondMs"
                    + " retainMs maxAuditors minStake cover fee registrationFee auditFee accusationDeposit";

    private static io.plumbline.ledger.state.Parameters changed(
            io.plumbline.ledger.state.Parameters from, List<String> assignments) throws IOException {
        io.plumbline.ledger.state.Parameters to = from;
        try {
            for (String one : assignments) {
                to = to.with(one);
            }
        } catch (IllegalArgumentException e) {
            throw new IOException("--set: " + e.getMessage() + ".", e);
        }
        return to;
    }

    @Parameters(
            commandNames = "propose",
            commandDescription = "Wish for other parameters; a quorum of full nodes that wish the same has them.")
    static final class Propose extends Asked {
        @Parameter(names = "--set", required = true, description = SET)
        private List<String> parameters = new ArrayList<>();

        @Override
        String line() throws IOException {
            changed(io.plumbline.ledger.state.Parameters.DEFAULT, parameters);
            return "propose " + String.join(" ", parameters);
        }
    }

    @Parameters(commandNames = "new-key", commandDescription = "Make a key file, and show its public key.")
    static final class NewKey extends CommandOptions implements Callable<Integer> {
        @Parameter(description = "FILE: must not exist", required = true, converter = PathConverter.class)
        private Path file;

        @Override
        public Integer call() throws IOException {
            if (Files.exists(file)) {
                throw new IOException(file + " exists, and may be the only copy of a key. Name another file.");
            }
            KeyPair keys = KeyPair.random();
            Network.writeKey(file, keys);
            System.err.println("The public key of " + file + ", to be given to others; the file itself is the only copy"
                    + " of the secret key:");
            System.out.println(HexFormat.of().formatHex(keys.publicKey()));
            return 0;
        }
    }

    @Parameters(
            commandNames = "new-network",
            commandDescription =
                    "Make the file that every process of a network is told: its full nodes and what its ledger begins with.")
    static final class NewNetwork extends CommandOptions implements Callable<Integer> {
        @Parameter(
                names = "--full-node",
                required = true,
                description =
                        "KEY@HOST:PORT: a full node's public key, and its ingress, where clients reach it; the five ports after that are"
                                + " for the other full nodes. KEY@HOST:PORT@HOST:PORT where these reach it elsewhere, by the"
                                + " second address and the four ports after it. Again for each")
        private List<String> fullNodes = new ArrayList<>();

        @Parameter(names = "--deposit", description = "KEY=AMOUNT: an account's first balance; again for more")
        private List<String> deposits = new ArrayList<>();

        @Parameter(names = "--bond", description = "stake of each full node, lost by who signs what it must not")
        private long bond = 10_000;

        @Parameter(names = "--bank", description = "KEY: who says what money comes in; nobody where none is named")
        private String bank = "0".repeat(64);

        @Parameter(names = "--set", description = SET)
        private List<String> parameters = new ArrayList<>();

        @Parameter(description = "FILE: must not exist", required = true, converter = PathConverter.class)
        private Path file;

        @Override
        public Integer call() throws IOException {
            if (Files.exists(file)) {
                throw new IOException(file + " exists. A network's file never changes; name another.");
            }
            List<byte[]> keys = new ArrayList<>();
            List<Network.Place> places = new ArrayList<>();
            for (String one : fullNodes) {
                int at = one.indexOf('@');
                if (at < 0) {
                    throw new IOException("--full-node is KEY@HOST:PORT, not " + one + ".");
                }
                keys.add(Session.key(one.substring(0, at), "A full node's key"));
                places.add(Network.Place.parse(one.substring(at + 1)));
            }
            if (keys.stream().map(HexFormat.of()::formatHex).distinct().count() < keys.size()) {
                throw new IOException("Two full nodes have the same key. Each needs one of its own.");
            }
            List<Genesis.Deposit> first = new ArrayList<>();
            for (String one : deposits) {
                String[] parts = one.split("=");
                if (parts.length != 2 || !parts[1].matches("\\d{1,18}")) {
                    throw new IOException("--deposit is KEY=AMOUNT, not " + one + ".");
                }
                first.add(new Genesis.Deposit(Session.key(parts[0], "An account's key"), Long.parseLong(parts[1])));
            }
            try {
                Genesis genesis = new Genesis(
                        keys,
                        bond,
                        Session.key(bank, "--bank"),
                        first,
                        changed(io.plumbline.ledger.state.Parameters.DEFAULT, parameters));
                new Network(places, genesis).write(file);
            } catch (IllegalArgumentException e) {
                throw new IOException(e.getMessage(), e);
            }
            int liars = (keys.size() - 1) / 3;
            System.out.println(keys.size() + " full nodes, of which " + Certificate.quorum(keys.size())
                    + " certify; it holds if at most " + liars + " of them lie"
                    + (liars == 0 ? ". FEWER THAN FOUR TOLERATE NO LIAR." : "."));
            return 0;
        }
    }

    @Parameters(
            commandNames = "backup",
            commandDescription =
                    "Copy the ledger from the members that run into a folder that a member can start from.")
    static final class TakeBackup extends CommandOptions implements Callable<Integer> {
        @Parameter(names = "--network", required = true, description = "FILE: the network's full nodes and genesis")
        private Path network;

        @Parameter(names = "--key", required = true, description = "FILE: a full node's key, which lets in")
        private Path key;

        @Parameter(
                names = "--to",
                required = true,
                description = "DIR: empty or absent; a full node's --dir afterwards")
        private Path to;

        @Parameter(names = "--host", description = "address full nodes reach this process at")
        private String host = "localhost";

        @Override
        public Integer call() throws IOException {
            Network known = Network.read(network);
            KeyPair keys = Network.readKey(key);
            if (known.genesis().place(keys.publicKey()) < 0) {
                throw new IOException(
                        key + " is not the key of one of this network's full nodes. Only they may copy it.");
            }
            long position;
            try (ProgressBar bar =
                    Terminal.bar(new ProgressBarBuilder().setTaskName("Log").setUnit(" MiB", 1 << 20))) {
                position = Backup.run(
                        known.members(),
                        host,
                        to,
                        Drivers.TERM_BYTES,
                        keys,
                        known.genesis().hash(),
                        bar::stepTo);
            }
            System.out.println("Copied the last snapshot, and the log up to byte " + position + ", to " + to + ".");
            return 0;
        }
    }

    @Parameters(
            commandNames = "invalidate-snapshot",
            commandDescription = "Have a full node that is not running start from an older snapshot, or from the log.")
    static final class InvalidateSnapshot extends CommandOptions implements Callable<Integer> {
        @Parameter(names = "--dir", required = true, description = "DIR: of the full node, which must not run")
        private Path dir;

        @Override
        public Integer call() throws IOException {
            if (!Files.isDirectory(dir.resolve("cluster"))) {
                throw new IOException(dir + " is not a full node's folder: it has no folder \"cluster\".");
            }
            boolean done = ClusterTool.invalidateLatestSnapshot(
                    new PrintStream(PrintStream.nullOutputStream()),
                    dir.resolve("cluster").toFile());
            System.out.println(
                    done
                            ? "The last snapshot will not be used any more."
                            : "There is no snapshot; nothing was changed.");
            return 0;
        }
    }

    /** What needs an account's key and the network. */
    abstract static class Session extends CommandOptions implements Callable<Integer> {
        @Parameter(names = "--network", required = true, description = "FILE: the network's full nodes and genesis")
        private Path network;

        @Parameter(names = "--key", required = true, description = "FILE: the account's Ed25519 key")
        private Path key;

        @Parameter(names = "--host", description = "address full nodes reach this process at")
        private String host = "localhost";

        abstract void run(LedgerClient ledger, KeyPair keys) throws IOException;

        static void submit(LedgerClient ledger, Command command) throws IOException {
            LedgerClient.Outcome outcome = ledger.submit(command);
            if (!outcome.isApplied()) {
                throw new IOException("The ledger refused: " + outcome.reason() + ".");
            }
            System.out.println("ordered at height " + outcome.height());
        }

        static byte[] key(String hex, String what) throws IOException {
            if (!hex.matches("[0-9a-fA-F]{64}")) {
                throw new IOException(what + " is 64 hexadecimal digits, not " + hex + ".");
            }
            return HexFormat.of().parseHex(hex);
        }

        @Override
        public Integer call() throws IOException {
            Network known = Network.read(network);
            KeyPair keys = Network.readKey(key);
            Path folder = Files.createTempDirectory("plumbline-ledger-");
            try (Media media = new Media(folder.resolve("driver"), e -> {}, () -> {});
                    LedgerClient ledger = known.ledger(media.directory(), host, keys)) {
                run(ledger, keys);
            } finally {
                Directories.discard(folder);
            }
            return 0;
        }
    }

    @Parameters(commandNames = "account", commandDescription = "Show an account's balance and stake.")
    static final class ShowAccount extends Session {
        @Override
        void run(LedgerClient ledger, KeyPair keys) throws IOException {
            Account account = ledger.account(keys.publicKey());
            System.out.println("key        " + HexFormat.of().formatHex(keys.publicKey()));
            System.out.println("balance    " + account.balance());
            System.out.println("stake      " + account.stake());
            System.out.println("unbonding  " + account.unbonding()
                    + (account.unbonding() == 0 ? "" : ", free at " + account.releaseMs() + " ms"));
        }
    }

    @Parameters(commandNames = "deposit", commandDescription = "As the bank: say that money came in from outside.")
    static final class Deposit extends Session {
        @Parameter(names = "--to", required = true, description = "KEY: account, 64 hexadecimal digits")
        private String to;

        @Parameter(names = "--amount", required = true, description = "in the smallest unit")
        private long amount;

        @Parameter(
                names = "--reference",
                required = true,
                description =
                        "TEXT: names the payment outside, as an invoice's number does; one that was named before counts no more."
                                + " 64 hexadecimal digits stand for themselves, other texts for their BLAKE3")
        private String reference;

        @Override
        void run(LedgerClient ledger, KeyPair keys) throws IOException {
            byte[] name = reference.matches("[0-9a-fA-F]{64}")
                    ? key(reference, "--reference")
                    : Blake3.hash(reference.getBytes(StandardCharsets.UTF_8));
            submit(ledger, new Command.DepositMoney(key(to, "--to"), amount, name));
        }
    }

    @Parameters(commandNames = "withdraw", commandDescription = "Have money paid out outside, once it is certified.")
    static final class Withdraw extends Session {
        @Parameter(names = "--amount", required = true, description = "in the smallest unit")
        private long amount;

        @Parameter(names = "--destination", required = true, description = "where the bank is to pay it")
        private String destination;

        @Override
        void run(LedgerClient ledger, KeyPair keys) throws IOException {
            submit(ledger, new Command.Withdraw(amount, destination));
        }
    }

    @Parameters(commandNames = "bond", commandDescription = "Move money from the balance to the stake.")
    static final class Bond extends Session {
        @Parameter(names = "--amount", required = true, description = "in the smallest unit")
        private long amount;

        @Override
        void run(LedgerClient ledger, KeyPair keys) throws IOException {
            submit(ledger, new Command.Bond(amount));
        }
    }

    @Parameters(
            commandNames = "unbond",
            commandDescription = "Ask a stake back; it answers for its owner a while longer.")
    static final class Unbond extends Session {
        @Parameter(names = "--amount", required = true, description = "in the smallest unit")
        private long amount;

        @Override
        void run(LedgerClient ledger, KeyPair keys) throws IOException {
            submit(ledger, new Command.Unbond(amount));
        }
    }

    @Parameters(commandNames = "publish", commandDescription = "Say what a model id stands for.")
    static final class Publish extends Session {
        @Parameter(names = "--model-id", required = true, description = "64 hexadecimal digits, as `model info` says")
        private String model;

        @Parameter(names = "--name", required = true, description = "for people")
        private String name;

        @Parameter(names = "--source", description = "where its files can be had")
        private String source = "";

        @Override
        void run(LedgerClient ledger, KeyPair keys) throws IOException {
            submit(ledger, new Command.RegisterModel(key(model, "--model-id"), name, source));
        }
    }

    @Parameters(
            commandNames = "accuse",
            commandDescription = "Show the ledger what proves an answer false; its node loses its stake for it.")
    public static final class AccuseNode extends Session {
        @Parameter(names = "--evidence", required = true, description = "FILE: as a full node keeps it")
        private Path evidence;

        @Override
        void run(LedgerClient ledger, KeyPair keys) throws IOException {
            byte[] bytes = Files.readAllBytes(evidence);
            byte[] request;
            try {
                request = Evidence.decode(bytes).receipt().requestHash();
            } catch (MalformedException e) {
                throw new IOException(evidence + " is no evidence of an exact answer: " + e.getMessage(), e);
            }
            String refusal = Accuser.handIn(ledger, request, bytes);
            if (refusal != null) {
                throw new IOException("The ledger does not find it proven: " + refusal + ".");
            }
            System.out.println(
                    "proven: the node of request " + HexFormat.of().formatHex(request) + " has lost its stake");
        }
    }
}
