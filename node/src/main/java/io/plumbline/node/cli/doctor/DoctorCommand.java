package io.plumbline.node.cli.doctor;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.engine.Accelerator;
import io.plumbline.inference.language.engine.Device;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.cli.doctor.Finding.Fitness;
import io.plumbline.node.network.Terminal;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;

/** {@code plumbline doctor}: says what of this host is fit for a role, and how what is not is mended. */
@Parameters(
        commandNames = "doctor",
        commandDescription = "Try whether this host is fit for a role, and say what mends what is not.")
public final class DoctorCommand extends CommandOptions implements Callable<Integer> {
    private static final long GIB = 1L << 30;

    /** A full node's log and index, and an inference node's receipts, begin small and grow. */
    private static final long LEAST_FREE = 2 * GIB;

    @Parameter(names = "--role", description = "INFERENCE, FULL, DATA or GATEWAY; what is common to all otherwise")
    private Role role;

    @Parameter(names = "--dir", description = "DIR: where the role is to keep its data; the current folder otherwise")
    private Path dir = Path.of(".");

    @Parameter(
            names = "--model",
            description = "DIR: imported model to compute tokens of; the one that ships otherwise")
    private Path model;

    @Parameter(names = "--json", description = "print one JSON object")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        List<Finding> findings = new ArrayList<>(HostChecks.look(new HostFiles(Path.of("/")), role));
        findings.add(Trials.clock());
        findings.add(Trials.disk(dir.toAbsolutePath().normalize(), LEAST_FREE, role));
        findings.add(Trials.loopback());
        findings.add(Trials.hashes());
        findings.add(Trials.kernels());
        if (role == null || role == Role.INFERENCE) {
            findings.add(ModelTrial.run(model));
            findings.addAll(devices());
        }
        Fitness worst = findings.stream()
                .map(Finding::fitness)
                .max(Comparator.naturalOrder())
                .orElseThrow();
        if (json) {
            print(findings, worst);
        } else {
            findings.forEach(DoctorCommand::print);
            Terminal.print(
                    switch (worst) {
                        case OK -> "This host is fit.";
                        case WARNING -> "This host is fit, with warnings.";
                        case UNFIT -> "This host is not fit: mend what says so first.";
                    });
        }
        return worst.ordinal();
    }

    private static List<Finding> devices() {
        List<Finding> findings = new ArrayList<>();
        for (Accelerator accelerator : Accelerator.all()) {
            Accelerator.Found found = accelerator.find();
            findings.add(Finding.ok(
                    accelerator.kind(),
                    found.devices().isEmpty()
                            ? "none; " + found.why()
                            : String.join(
                                            ", ",
                                            found.devices().stream()
                                                    .map(Device::toString)
                                                    .toList())
                                    + "; try it with ./plumbline gpu-check --quick"));
            accelerator.observe().forEach(one -> findings.add(finding(one)));
        }
        return findings;
    }

    private static Finding finding(Accelerator.Observation one) {
        return switch (one.severity()) {
            case OK -> Finding.ok(one.what(), one.found());
            case WARNING -> Finding.warning(one.what(), one.found(), one.mend());
            case UNFIT -> Finding.unfit(one.what(), one.found(), one.mend());
        };
    }

    private static void print(Finding finding) {
        Terminal.print(String.format(
                Locale.ROOT,
                "%-8s %-16s %s",
                finding.fitness().name().toLowerCase(Locale.ROOT),
                finding.what(),
                finding.found()));
        if (!finding.mend().isEmpty()) {
            Terminal.print(String.format(Locale.ROOT, "%-25s mend it: %s", "", finding.mend()));
        }
    }

    private static void print(List<Finding> findings, Fitness worst) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode all = mapper.createObjectNode().put("fitness", name(worst));
        ArrayNode list = all.putArray("findings");
        for (Finding finding : findings) {
            list.addObject()
                    .put("what", finding.what())
                    .put("fitness", name(finding.fitness()))
                    .put("found", finding.found())
                    .put("mend", finding.mend());
        }
        System.out.println(mapper.writerWithDefaultPrettyPrinter().writeValueAsString(all));
    }

    private static String name(Fitness fitness) {
        return fitness.name().toLowerCase(Locale.ROOT);
    }
}
