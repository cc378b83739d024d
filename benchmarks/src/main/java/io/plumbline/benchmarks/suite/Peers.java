package io.plumbline.benchmarks.suite;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/** Programs and devices that a command cannot do without, because its peer is one. */
final class Peers {
    private static final List<Need> NEEDS = List.of(
            new Need(
                    "cpu",
                    host -> host.variables.containsKey("LLAMA_BENCH") || host.has("npm") && host.has("node"),
                    "llama.cpp is not here: install npm and Node.js (Debian: apt install npm), or set LLAMA_BENCH to the"
                            + " path of a llama-bench"),
            new Need("cpu", host -> host.has("mvn"), "Jlama is not here: install Maven (Debian: apt install maven)"),
            new Need(
                    "hash",
                    host -> host.has("b3sum"),
                    "b3sum is not here: install it (cargo install b3sum), or run ./plumbline bench hash --b3sum none"),
            new Need(
                    "gpu",
                    host -> Files.exists(Path.of("/dev/nvidia0")),
                    "no NVIDIA GPU is here: run it on a host that has one, by ./plumbline gpu-check"));

    private Peers() {}

    /** @param measures as the command names it. */
    private record Need(String measures, Predicate<Host> isMet, String remedy) {}

    /** A host as its environment variables tell of it. */
    record Host(Map<String, String> variables) {
        boolean has(String program) {
            return Arrays.stream(variables.getOrDefault("PATH", "").split(File.pathSeparator))
                    .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
        }
    }

    /** The peer that a command lacks on a host, and how to get it; null where it lacks none. */
    static String missing(List<String> command, Host host) {
        return NEEDS.stream()
                .filter(need -> command.get(1).equals("bench") && command.get(2).equals(need.measures))
                .filter(need -> !need.isMet.test(host))
                .map(Need::remedy)
                .findFirst()
                .orElse(null);
    }
}
