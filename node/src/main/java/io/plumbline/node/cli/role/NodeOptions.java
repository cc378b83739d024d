package io.plumbline.node.cli.role;

import com.beust.jcommander.Parameter;
import io.plumbline.node.cli.Bounds;
import io.plumbline.node.cli.Check;
import io.plumbline.node.cli.HostProfile;
import io.plumbline.node.cli.NamedPaths;
import io.plumbline.verifier.audit.Level;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** The terms that an inference node announces on the ledger, and the profiles that it looks in. */
public final class NodeOptions {
    @Parameter(
            names = "--stake",
            description = "on a network: stake to put up",
            validateValueWith = Bounds.AtLeastZero.class)
    private long stake = 50_000;

    @Parameter(
            names = "--price",
            description = "on a network: price of a token, or of a row of an ONNX model's batch",
            validateValueWith = Bounds.AtLeastZero.class)
    private long price = 2;

    @Parameter(
            names = "--most-level",
            description = "on a network: the highest level at which it lets its answers be audited: SIGNED, AUDITED or"
                    + " FULL")
    private Level most = Level.FULL;

    @Parameter(
            names = "--profile",
            description =
                    "FILE: this host's profile in TOML, as plumbline tune writes it, or hardware profiles of GPUs in JSON, to"
                            + " look in before the project's own")
    private Path profile;

    /** Conditions on the options. */
    public List<Check> checks() {
        return List.of(this::requireAuditable, this::requireProfile);
    }

    private void requireAuditable() throws IOException {
        if (most == Level.REPLAYED) {
            throw new IOException("--most-level is SIGNED, AUDITED or FULL.");
        }
    }

    private void requireProfile() throws IOException {
        if (profile != null) {
            NamedPaths.requireFile("--profile", profile);
            if (HostProfile.is(profile)) {
                HostProfile.read(profile);
            }
        }
    }

    /** Has profiles looked for where the operator says, and computing be as this host's profile has it. */
    public void useProfile(ComputeOptions compute) throws IOException {
        if (profile != null && HostProfile.is(profile)) {
            HostProfile host = HostProfile.read(profile);
            host.use();
            compute.tune(host);
        } else if (profile != null) {
            System.setProperty("plumbline.profile", profile.toString());
        }
    }

    public long stake() {
        return stake;
    }

    long price() {
        return price;
    }

    Level most() {
        return most;
    }
}
