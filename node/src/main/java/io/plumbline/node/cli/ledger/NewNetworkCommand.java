package io.plumbline.node.cli.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.converters.PathConverter;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.Certificate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

/** {@code plumbline ledger new-network}. */
@Parameters(
        commandNames = "new-network",
        commandDescription =
                "Make the file that every process of a network is told: its full nodes and what its ledger begins with.")
final class NewNetworkCommand extends CommandOptions implements Callable<Integer> {
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

    @Parameter(names = "--set", description = ParameterChanges.HELP)
    private List<String> parameters = new ArrayList<>();

    @Parameter(description = "FILE: must not exist", required = true, converter = PathConverter.class)
    private Path file;

    @Override
    public Integer call() throws IOException {
        if (Files.exists(file)) {
            throw new IOException(file + " exists. A network's file never changes; name another.");
        }
        List<Bytes32> keys = new ArrayList<>();
        List<Network.Place> places = new ArrayList<>();
        for (String one : fullNodes) {
            int at = one.indexOf('@');
            if (at < 0) {
                throw new IOException("--full-node is KEY@HOST:PORT, not " + one + ".");
            }
            keys.add(PublicKeys.parse(one.substring(0, at), "A full node's key"));
            places.add(Network.Place.parse(one.substring(at + 1)));
        }
        if (keys.stream().distinct().count() < keys.size()) {
            throw new IOException("Two full nodes have the same key. Each needs one of its own.");
        }
        List<Genesis.Deposit> first = new ArrayList<>();
        for (String one : deposits) {
            String[] parts = one.split("=");
            if (parts.length != 2 || !parts[1].matches("\\d{1,18}")) {
                throw new IOException("--deposit is KEY=AMOUNT, not " + one + ".");
            }
            first.add(new Genesis.Deposit(PublicKeys.parse(parts[0], "An account's key"), Long.parseLong(parts[1])));
        }
        try {
            Genesis genesis =
                    new Genesis(keys, bond, PublicKeys.parse(bank, "--bank"), first, ParameterChanges.of(parameters));
            new Network(places, genesis).write(file);
        } catch (IllegalArgumentException e) {
            throw new IOException(e.getMessage(), e);
        }
        int liars = Certificate.mostLiars(keys.size());
        System.out.println(keys.size() + " full nodes, of which " + Certificate.quorum(keys.size())
                + " certify; it holds if at most " + liars + " of them lie"
                + (liars == 0 ? ". FEWER THAN FOUR TOLERATE NO LIAR." : "."));
        return 0;
    }
}
