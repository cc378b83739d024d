package io.plumbline.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The machine that measures, as Linux tells of it; what a host does not tell is left out. */
public final class Environment {
    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");
    private static final Path FREQUENCY = Path.of("/sys/devices/system/cpu/cpu0/cpufreq");

    /** Sets of instructions that kernels here choose by, as the kernel names them. */
    private static final Set<String> INSTRUCTION_SETS = Set.of(
            "sse4_2",
            "avx2",
            "fma",
            "avx_vnni",
            "avx512f",
            "avx512bw",
            "avx512_vnni",
            "amx_int8",
            "asimd",
            "asimddp",
            "i8mm",
            "sve",
            "sve2");

    /** Flags of a kernel that bear on speed. The others say how a host is set up, which is its owner's matter. */
    private static final Pattern KERNEL_FLAG = Pattern.compile(
            "(mitigations|isolcpus|nohz|nohz_full|rcu_nocbs|intel_pstate|amd_pstate|transparent_hugepage|hugepages|"
                    + "hugepagesz|default_hugepagesz|processor\\.max_cstate|intel_idle\\.max_cstate|idle|tsc|"
                    + "clocksource|preempt|threadirqs|nosmt|numa_balancing|cpuidle_haltpoll\\.force)(=.*)?");

    private Environment() {}

    /** Processor, instruction sets, governor, clocks, kernel and its flags, memory, JVM and its flags. */
    public static ObjectNode json() throws IOException {
        ObjectNode json = new ObjectMapper().createObjectNode();
        json.put("processor", processor())
                .put("processors", Runtime.getRuntime().availableProcessors());
        ArrayNode sets = json.putArray("instruction_sets");
        instructionSets().forEach(sets::add);
        put(json, "governor", FREQUENCY.resolve("scaling_governor"));
        put(json, "clock_khz", FREQUENCY.resolve("scaling_cur_freq"));
        ArrayNode clocks = json.putArray("clocks_mhz");
        values(CPU_INFO, "cpu MHz").forEach(mhz -> clocks.add(Double.parseDouble(mhz)));
        put(json, "kernel", Path.of("/proc/sys/kernel/osrelease"));
        json.put("kernel_flags", kernelFlags());
        put(json, "transparent_huge_pages", Path.of("/sys/kernel/mm/transparent_hugepage/enabled"));
        values(Path.of("/proc/meminfo"), "MemTotal").stream()
                .findFirst()
                .ifPresent(memory -> json.put("memory", memory));
        put(json, "load_average", Path.of("/proc/loadavg"));
        json.put("jvm", System.getProperty("java.vm.name") + " " + Runtime.version());
        ArrayNode flags = json.putArray("jvm_flags");
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(flag -> !flag.startsWith("-D"))
                .forEach(flags::add);
        return json;
    }

    /** The model of the processor; the architecture where the host does not tell. */
    public static String processor() throws IOException {
        return values(CPU_INFO, "model name").stream().findFirst().orElse(System.getProperty("os.arch"));
    }

    /** Of the sets that kernels here choose by, those that this host has, by the kernel's names. */
    public static Set<String> instructionSets() throws IOException {
        Set<String> found = new TreeSet<>();
        for (String field : List.of("flags", "Features")) {
            values(CPU_INFO, field).stream()
                    .limit(1)
                    .flatMap(words -> Arrays.stream(words.split(" ")))
                    .filter(INSTRUCTION_SETS::contains)
                    .forEach(found::add);
        }
        return found;
    }

    private static String kernelFlags() throws IOException {
        Path line = Path.of("/proc/cmdline");
        if (!Files.isReadable(line)) {
            return "";
        }
        return Arrays.stream(Files.readString(line).strip().split("\\s+"))
                .filter(flag -> KERNEL_FLAG.matcher(flag).matches())
                .collect(Collectors.joining(" "));
    }

    private static void put(ObjectNode json, String name, Path file) throws IOException {
        if (Files.isReadable(file)) {
            json.put(name, Files.readString(file).strip());
        }
    }

    /** Values of the lines "name : value" of a file. */
    private static List<String> values(Path file, String name) throws IOException {
        if (!Files.isReadable(file)) {
            return List.of();
        }
        Pattern line = Pattern.compile(Pattern.quote(name) + "\\s*:\\s*(.*)");
        return Files.readAllLines(file).stream()
                .map(line::matcher)
                .filter(Matcher::matches)
                .map(match -> match.group(1).strip())
                .toList();
    }
}
