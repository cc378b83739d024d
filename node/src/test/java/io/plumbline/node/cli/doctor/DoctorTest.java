package io.plumbline.node.cli.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.beust.jcommander.JCommander;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.node.cli.doctor.Finding.Fitness;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Hosts by the files that Linux tells of them in, and this one by trying it. */
class DoctorTest {
    @TempDir
    private Path root;

    private void write(String path, String text) throws IOException {
        Path file = root.resolve(path.substring(1));
        Files.createDirectories(file.getParent());
        Files.writeString(file, text + "\n");
    }

    /** A host on which there is nothing to mend. */
    @BeforeEach
    void good() throws IOException {
        write("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance");
        write("/proc/cpuinfo", "processor\t: 0\nflags\t: avx2\n\nprocessor\t: 1\n");
        write("/sys/fs/cgroup/cpu.max", "max 100000");
        write("/sys/fs/cgroup/memory.max", "max");
        write("/proc/meminfo", "MemTotal:       16777216 kB\nMemFree:  1 kB");
        write(
                "/proc/self/limits",
                "Limit  Soft Limit  Hard Limit  Units\nMax open files            65536   65536   files");
        write("/proc/sys/net/core/rmem_max", "4194304");
        write("/proc/sys/net/core/wmem_max", "4194304");
        write("/sys/class/net/eth0/mtu", "1500");
        write("/sys/class/net/eth0/operstate", "up");
        write("/sys/devices/system/node/node0/x", "");
        write("/proc/self/mounts", "/dev/sda / ext4 rw,relatime 0 0");
    }

    private List<Finding> wrong(Role role) {
        return HostChecks.look(new HostFiles(root), role).stream()
                .filter(finding -> finding.fitness() != Fitness.OK)
                .toList();
    }

    /** One finding is not well, of this name, and says by what it is mended. */
    private void assertFound(Fitness fitness, String what, String mend) {
        List<Finding> wrong = wrong(Role.FULL);
        assertEquals(1, wrong.size(), wrong.toString());
        assertEquals(what, wrong.getFirst().what());
        assertEquals(fitness, wrong.getFirst().fitness());
        assertTrue(wrong.getFirst().mend().contains(mend), wrong.toString());
    }

    @Test
    void aGoodHostHasNothingToMend() {
        assertEquals(List.of(), wrong(Role.FULL));
        assertEquals(List.of(), wrong(null));
    }

    /** The kernel's own files cannot be read in pieces. */
    @Test
    void aSettingOfTheKernelIsReadWhole() throws IOException {
        Path setting = Path.of("/proc/sys/kernel/pid_max");
        assumeTrue(Files.isReadable(setting), setting + " is not there.");
        String shown = new String(
                new ProcessBuilder("cat", setting.toString())
                        .start()
                        .getInputStream()
                        .readAllBytes(),
                StandardCharsets.UTF_8);
        assertEquals(Long.parseLong(shown.strip()), new HostFiles(Path.of("/")).number(setting.toString(), -1));
    }

    @Test
    void aHostThatTellsLittleIsNotCalledUnfit() throws IOException {
        List<Finding> findings = HostChecks.look(new HostFiles(root.resolve("nothing")), null);
        assertTrue(findings.stream().noneMatch(finding -> finding.fitness() == Fitness.UNFIT), findings.toString());
    }

    @Test
    void clocksThatFollowTheLoadAreNamed() throws IOException {
        write("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave");
        assertFound(Fitness.WARNING, "governor", "cpupower frequency-set -g performance");
    }

    @Test
    void aControlGroupsShareIsWhatThereIs() throws IOException {
        write("/sys/fs/cgroup/cpu.max", "50000 100000");
        assertFound(Fitness.WARNING, "processors", "CPUQuota");
        write("/sys/fs/cgroup/cpu.max", "400000 100000");
        assertEquals(List.of(), wrong(Role.FULL));
        write("/sys/fs/cgroup/memory.max", "1073741824");
        assertFound(Fitness.WARNING, "memory", "MemoryMax");
    }

    @Test
    void severalNumaNodesAreNamed() throws IOException {
        write("/sys/devices/system/node/node1/x", "");
        assertFound(Fitness.WARNING, "processors", "numactl");
    }

    @Test
    void memoryIsMeasuredByTheRole() throws IOException {
        write("/proc/meminfo", "MemTotal:       4194304 kB");
        assertFound(Fitness.WARNING, "memory", "MemoryMax");
        assertEquals(List.of(), wrong(Role.GATEWAY));
    }

    @Test
    void limitsOfFilesAndSocketsAreNamed() throws IOException {
        write("/proc/self/limits", "Max open files            1024                 524288               files");
        assertFound(Fitness.WARNING, "open files", "LimitNOFILE");
        write("/proc/self/limits", "Max open files            unlimited            unlimited            files");
        write("/proc/sys/net/core/rmem_max", "106496");
        assertFound(Fitness.WARNING, "rmem_max", "sysctl -w net.core.rmem_max=");
    }

    @Test
    void aNetworkOfSmallPacketsIsNamedWhereItIsUp() throws IOException {
        write("/sys/class/net/wg0/mtu", "1280");
        write("/sys/class/net/wg0/operstate", "down");
        assertEquals(List.of(), wrong(Role.FULL));
        write("/sys/class/net/wg0/operstate", "up");
        assertFound(Fitness.WARNING, "mtu", "ip link set wg0 mtu");
    }

    @Test
    void temporaryFilesMustBeExecutable() throws IOException {
        String temporary = System.getProperty("java.io.tmpdir");
        write("/proc/self/mounts", "/dev/sda / ext4 rw 0 0\ntmpfs " + temporary + " tmpfs rw,noexec,nosuid 0 0");
        assertFound(Fitness.UNFIT, "temporary files", "java.io.tmpdir");
        write("/proc/self/mounts", "/dev/sda / ext4 rw,noexec 0 0\ntmpfs " + temporary + " tmpfs rw 0 0");
        assertEquals(List.of(), wrong(Role.FULL));
    }

    @Test
    void aDiskWithoutRoomIsUnfit() throws IOException {
        Finding full = Trials.disk(root, Long.MAX_VALUE, Role.FULL);
        assertEquals(Fitness.UNFIT, full.fitness());
        assertTrue(full.mend().contains("--dir"), full.toString());
        assertTrue(Trials.disk(root, 0, Role.GATEWAY).found().contains("fsync"));
        assertEquals(List.of("good"), names(root), "a trial leaves nothing");
    }

    private static List<String> names(Path folder) throws IOException {
        Files.createDirectories(folder.resolve("good"));
        return new HostFiles(folder)
                .names("/").stream()
                        .filter(name -> !List.of("sys", "proc").contains(name))
                        .toList();
    }

    @Test
    void thisHostIsTriedAndTheExitCodeSaysHowItStands() throws IOException {
        System.setProperty("plumbline.home", "..");
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        PrintStream out = System.out;
        int code;
        try {
            System.setOut(new PrintStream(said, true, StandardCharsets.UTF_8));
            DoctorCommand doctor = new DoctorCommand();
            JCommander.newBuilder()
                    .addObject(doctor)
                    .build()
                    .parse("--json", "--role", "INFERENCE", "--dir", root.toString());
            code = doctor.call();
        } finally {
            System.setOut(out);
        }
        JsonNode json = new ObjectMapper().readTree(said.toString(StandardCharsets.UTF_8));
        List<String> names = json.findValuesAsText("what");
        for (String tried : List.of("clock", "disk", "loopback", "hash, signature", "kernels", "model")) {
            assertTrue(names.contains(tried), names.toString());
        }
        assertEquals(
                Fitness.valueOf(json.get("fitness").asText().toUpperCase(Locale.ROOT))
                        .ordinal(),
                code);
        for (JsonNode finding : json.get("findings")) {
            if (List.of("kernels", "model", "hash, signature")
                    .contains(finding.get("what").asText())) {
                assertTrue(!finding.get("fitness").asText().equals("unfit"), finding.toString());
            }
            boolean isOk = finding.get("fitness").asText().equals("ok");
            assertEquals(isOk, finding.get("mend").asText().isEmpty(), finding.toString());
        }
    }
}
