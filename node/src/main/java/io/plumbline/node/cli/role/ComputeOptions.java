package io.plumbline.node.cli.role;

import com.beust.jcommander.Parameter;
import io.plumbline.inference.language.engine.Engine;
import io.plumbline.node.cli.Bounds;
import io.plumbline.node.cli.Check;
import io.plumbline.node.cli.HostProfile;
import io.plumbline.node.inference.ComputeBackend;
import java.io.IOException;
import java.util.List;

/** The part of this host that a model is computed with. */
public final class ComputeOptions {
    @Parameter(
            names = "--threads",
            description = "threads that compute; as many as processors where none is named",
            validateValueWith = Bounds.AtLeastOne.class)
    private Integer threads;

    @Parameter(
            names = "--device",
            description =
                    "auto, cpu, gpu, or a GPU by its UUID (GPU-..., MIG-...), PCI bus id or index; auto takes a GPU where there"
                            + " is one")
    private String device = "auto";

    @Parameter(
            names = "--cache-mib",
            description = "memory for keys and values in MiB; where none is named a quarter of the host's, or what a"
                    + " GPU has left",
            validateValueWith = Bounds.AtLeastOne.class)
    private Long cacheMib;

    @Parameter(
            names = "--speculate",
            description = "most tokens that a language model computes ahead on a guess, where that pays, or off; no"
                    + " answer changes by it")
    private String speculate = Integer.toString(Engine.Limits.DRAFTS);

    /** Null where none is named. */
    private HostProfile tuned;

    /** Takes from this host's profile what no option names. */
    void tune(HostProfile host) {
        tuned = host;
    }

    /** Looks at the options, before anything is started. */
    public void requireSound() throws IOException {
        ComputeBackend.Choice.requireDevice(device);
        requireDrafts();
    }

    /** The same, one by one. */
    public List<Check> checks() {
        return List.of(() -> ComputeBackend.Choice.requireDevice(device), this::requireDrafts);
    }

    private void requireDrafts() throws IOException {
        if (!speculate.equals("off") && !(speculate.matches("\\d{1,4}") && drafts() <= Engine.Limits.MOST_DRAFTS)) {
            throw new IOException("--speculate is off or a number of tokens up to " + Engine.Limits.MOST_DRAFTS
                    + ", not " + speculate + ".");
        }
    }

    private int drafts() {
        return speculate.equals("off") ? 0 : Integer.parseInt(speculate);
    }

    public int threads() {
        if (threads != null) {
            return threads;
        }
        return tuned == null ? Runtime.getRuntime().availableProcessors() : tuned.threads();
    }

    /** "auto", "cpu", "gpu", or the name of a GPU. */
    public String device() {
        return device;
    }

    /** For a language model. */
    public ComputeBackend.Choice choice() {
        return new ComputeBackend.Choice(device, threads(), cacheMib == null ? 0 : cacheMib << 20, drafts())
                .withBatchRows(tuned == null ? 0 : tuned.batchRows());
    }
}
