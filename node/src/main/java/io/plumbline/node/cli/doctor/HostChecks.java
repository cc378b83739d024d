package io.plumbline.node.cli.doctor;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** The system's word on processors, memory, limits, network and file systems: nothing is tried here. */
final class HostChecks {
    /** Sessions, logs, blobs and clients: each has files open. */
    private static final long LEAST_FILES = 4096;

    private static final long GIB = 1L << 30;
    private static final long LEAST_MEMORY = 2 * GIB;

    /** A full node's state is on its heap. */
    private static final long LEAST_FULL_MEMORY = 6 * GIB;

    private static final int USUAL_MTU = 1500;

    private final HostFiles files;
    private final Role role;
    private final List<Finding> findings = new ArrayList<>();

    /** @param role null for all. */
    private HostChecks(HostFiles files, Role role) {
        this.files = files;
        this.role = role;
    }

    /** @param role that the host is to have; null for any. */
    static List<Finding> look(HostFiles files, Role role) {
        HostChecks checks = new HostChecks(files, role);
        checks.governor();
        checks.processors();
        checks.memory();
        checks.openFiles();
        checks.socketBuffers();
        checks.mtu();
        checks.temporaryFiles();
        return checks.findings;
    }

    private void governor() {
        String governor = files.text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
        if (governor == null) {
            findings.add(Finding.ok("governor", "the system does not say, as in most virtual machines"));
        } else if (governor.equals("performance")) {
            findings.add(Finding.ok("governor", governor));
        } else {
            findings.add(Finding.warning(
                    "governor",
                    "clocks follow the load (" + governor + "): first tokens and audits come later",
                    "sudo cpupower frequency-set -g performance"));
        }
    }

    private void processors() {
        int online = (int) files.lines("/proc/cpuinfo").stream()
                .filter(line -> line.startsWith("processor"))
                .count();
        String quota = files.text("/sys/fs/cgroup/cpu.max");
        double allowed = online;
        if (quota != null && quota.matches("\\d+ \\d+")) {
            String[] part = quota.split(" ");
            allowed = Math.min(online, Double.parseDouble(part[0]) / Double.parseDouble(part[1]));
        }
        long nodes = files.names("/sys/devices/system/node").stream()
                .filter(name -> name.matches("node\\d+"))
                .count();
        String found = online + " processors" + (nodes > 1 ? " on " + nodes + " NUMA nodes" : "");
        if (allowed < online) {
            findings.add(Finding.warning(
                    "processors",
                    found + String.format(Locale.ROOT, ", of which a control group allows %.1f", allowed),
                    "raise CPUQuota= of the unit, or --cpus of the container"));
        } else if (nodes > 1) {
            findings.add(Finding.warning(
                    "processors",
                    found + ": memory of the other node is slower",
                    "numactl --cpunodebind=0 --membind=0 ./plumbline ..."));
        } else if (online < 2) {
            findings.add(Finding.warning(
                    "processors", found + ": transport and work take turns", "give the host two or more"));
        } else {
            findings.add(Finding.ok("processors", found));
        }
    }

    private void memory() {
        long total = files.lines("/proc/meminfo").stream()
                .filter(line -> line.startsWith("MemTotal:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
                .findFirst()
                .orElse(0);
        long limit = files.number("/sys/fs/cgroup/memory.max", Long.MAX_VALUE);
        long allowed = Math.min(total, limit);
        long least = role == Role.FULL ? LEAST_FULL_MEMORY : LEAST_MEMORY;
        String found = String.format(Locale.ROOT, "%.1f GiB", allowed / (double) GIB)
                + (limit < total ? ", by a control group" : "");
        if (total == 0) {
            findings.add(Finding.warning("memory", "the system does not say how much there is", "mount /proc"));
        } else if (allowed < least) {
            findings.add(Finding.warning(
                    "memory",
                    found + ", where " + least / GIB + " GiB are what this role should have",
                    "give the host more, or the unit a higher MemoryMax="));
        } else {
            findings.add(Finding.ok("memory", found));
        }
    }

    private void openFiles() {
        String limit = files.lines("/proc/self/limits").stream()
                .filter(line -> line.startsWith("Max open files"))
                .map(line -> line.substring("Max open files".length()).strip().split("\\s+")[0])
                .findFirst()
                .orElse("");
        boolean isShort = limit.matches("\\d{1,18}") && Long.parseLong(limit) < LEAST_FILES;
        findings.add(
                isShort
                        ? Finding.warning(
                                "open files",
                                limit + ", where " + LEAST_FILES + " are the least that a role under load should have",
                                "ulimit -n 65536, or LimitNOFILE=65536 in the unit")
                        : Finding.ok("open files", limit.isEmpty() ? "the system does not say" : limit));
    }

    /** Aeron asks for buffers of a window; what the system does not give is lost as datagrams under load. */
    private void socketBuffers() {
        for (String which : List.of("rmem", "wmem")) {
            String path = "/proc/sys/net/core/" + which + "_max";
            long most = files.number(path, -1);
            long wanted = Role.SOCKET_BYTES;
            if (most < 0) {
                findings.add(Finding.ok(which + "_max", "the system does not say"));
            } else if (most < wanted) {
                findings.add(Finding.warning(
                        which + "_max",
                        "sockets may have " + most + " bytes, and sessions ask for " + wanted
                                + ": datagrams are lost under load",
                        "sudo sysctl -w net.core." + which + "_max=" + wanted));
            } else {
                findings.add(Finding.ok(which + "_max", most + " bytes"));
            }
        }
    }

    private void mtu() {
        for (String name : files.names("/sys/class/net")) {
            long mtu = files.number("/sys/class/net/" + name + "/mtu", USUAL_MTU);
            boolean isUp = "up".equals(files.text("/sys/class/net/" + name + "/operstate"));
            if (isUp && mtu < Role.DATAGRAM_BYTES) {
                findings.add(Finding.warning(
                        "mtu",
                        name + " carries " + mtu + " bytes, and datagrams have up to " + Role.DATAGRAM_BYTES
                                + ": each is sent in pieces",
                        "sudo ip link set " + name + " mtu " + USUAL_MTU));
            }
        }
    }

    /** Shared objects are copied there before they are loaded. */
    private void temporaryFiles() {
        String temporary = System.getProperty("java.io.tmpdir");
        String options = "";
        int best = -1;
        for (String line : files.lines("/proc/self/mounts")) {
            String[] part = line.split(" ");
            boolean isAbove = part.length > 3
                    && (part[1].equals("/") || temporary.equals(part[1]) || temporary.startsWith(part[1] + "/"));
            if (isAbove && part[1].length() > best) {
                best = part[1].length();
                options = part[3];
            }
        }
        findings.add(
                Arrays.asList(options.split(",")).contains("noexec")
                        ? Finding.unfit(
                                "temporary files",
                                temporary + " is mounted noexec: no shared object can be loaded from there",
                                "JAVA_TOOL_OPTIONS=-Djava.io.tmpdir=DIR, of a file system without noexec")
                        : Finding.ok("temporary files", temporary));
    }
}
