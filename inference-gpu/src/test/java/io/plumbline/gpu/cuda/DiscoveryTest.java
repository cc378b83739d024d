package io.plumbline.gpu.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.Accelerator;
import io.plumbline.inference.language.engine.Device;
import io.plumbline.inference.language.engine.Engine;
import io.plumbline.inference.language.engine.Executor;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a node sees when it looks for GPUs, in processes of their own: a driver that is loaded stays loaded. */
class DiscoveryTest {
    @TempDir
    Path folder;

    /** Prints what is found, and at which index the device that is named. */
    static final class Look {
        public static void main(String[] arguments) throws IOException {
            for (String device : arguments) {
                Accelerator accelerator = new CudaAccelerator();
                accelerator.select(device);
                List<Device> devices = accelerator.find().devices();
                int index = Device.find(devices, device);
                // It is opened too: what is found by a name is what computes.
                try (Cuda cuda = new Cuda(index, new byte[] {1}, Map.of(), new byte[] {1})) {
                    System.out.println(index + " of " + devices.size() + ": " + cuda.name() + ", "
                            + devices.get(index).id());
                }
                return;
            }
            for (Accelerator accelerator : Accelerator.all()) {
                System.out.println(accelerator.kind() + ": " + accelerator.find());
            }
        }
    }

    private static String look(String... flags) throws IOException, InterruptedException {
        Process process =
                new ProcessBuilder(command(flags)).redirectErrorStream(true).start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), out);
        return out;
    }

    private static List<String> command(String... flags) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(flags));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Look.class.getName()));
        return command;
    }

    @Test
    void aHostWithoutADriverIsToldSoInOneLine() throws Exception {
        boolean driver = Files.exists(Path.of("/proc/driver/nvidia")) || System.getenv("LD_LIBRARY_PATH") != null;
        assumeFalse(driver, "Skipped: this host has a driver, or may be given one");
        String found = look("--enable-native-access=ALL-UNNAMED");
        assertEquals(
                "CUDA: Found[devices=[], why=no NVIDIA driver on this host (libcuda.so.1 is not found)]",
                found.strip());
    }

    /**
     * Hardened hosts mount the folder for temporary files noexec: nothing can be loaded from there. JavaCPP's cache
     * serves, and where it is the same, one line says what is wrong. Needs a mount namespace.
     */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aFolderForTemporaryFilesThatIsNotExecutableIsNoFailure(boolean cacheToo) throws Exception {
        Gpu.install();
        assumeFalse(Gpu.isReal(), "Skipped: that host may have a libcudart.so.13");
        URL emulator = Gpu.class.getResource("/io/plumbline/native/libcuda.so.1");
        assumeTrue(
                emulator.getProtocol().equals("file")
                        && Gpu.class.getResource("/io/plumbline/native/cuda/libcudart.so.13") != null,
                "Skipped: the emulated driver lies in a jar, or there is no stand-in for libcudart");
        Path noexec = Files.createDirectory(folder.resolve("noexec"));
        Path cache = Files.createDirectory(folder.resolve("cache"));
        String[] namespace = {"unshare", "--mount", "--map-root-user", "--user"};
        String mount = "mount -t tmpfs -o noexec tmpfs " + noexec;
        assumeTrue(
                new ProcessBuilder(namespace[0], namespace[1], namespace[2], namespace[3], "sh", "-c", mount)
                                .start()
                                .waitFor()
                        == 0,
                "Skipped: no mount namespaces here");
        List<String> java = command(
                "--enable-native-access=ALL-UNNAMED",
                "-Djava.io.tmpdir=" + noexec,
                "-Dorg.bytedeco.javacpp.cachedir=" + (cacheToo ? noexec : cache));
        List<String> command = new ArrayList<>(List.of(namespace));
        command.addAll(List.of("sh", "-c", mount + " && exec \"$@\"", "sh"));
        command.addAll(java);
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment()
                .put("LD_LIBRARY_PATH", Path.of(emulator.toURI()).getParent().toString());
        Process process = builder.start();
        String found = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertEquals(0, process.waitFor(), found);
        if (cacheToo) {
            assertTrue(found.contains("devices=[]") && found.contains("noexec"), found);
        } else {
            assertEquals(
                    "CUDA: Found[devices=[emulated GPU (GPU-00112233-4455-6677-8899-aabbccddee00, 0000:1a:00.0)],"
                            + " why=null]",
                    found);
        }
    }

    /** @return what the process that asks for this device prints, on a host with two emulated GPUs. */
    private String choose(String device, Map<String, String> environment) throws Exception {
        Gpu.install();
        assumeFalse(Gpu.isReal(), "Skipped: that host has GPUs of its own");
        URL emulator = Gpu.class.getResource("/io/plumbline/native/libcuda.so.1");
        URL runtime = Gpu.class.getResource("/io/plumbline/native/cuda/libcudart.so.13");
        assumeTrue(
                emulator.getProtocol().equals("file") && runtime != null,
                "Skipped: the emulated driver lies in a jar, or there is no stand-in for libcudart");
        List<String> command = command("--enable-native-access=ALL-UNNAMED");
        command.add(device);
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment()
                .put("LD_LIBRARY_PATH", Path.of(emulator.toURI()).getParent().toString());
        builder.environment().put("EMULATED_GPUS", "2");
        builder.environment().putAll(environment);
        Process process = builder.start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        process.waitFor();
        return said;
    }

    @ParameterizedTest
    @CsvSource({
        "GPU-00112233-4455-6677-8899-aabbccddee01, '1 of 2: emulated GPU, GPU-00112233-4455-6677-8899-aabbccddee01'",
        "0000:1a:00.0, '0 of 2: emulated GPU, GPU-00112233-4455-6677-8899-aabbccddee00'",
        "00000000:1B:00.0, '1 of 2: emulated GPU, GPU-00112233-4455-6677-8899-aabbccddee01'",
        // The driver shows it to a process that has asked for it, and then nothing else.
        "MIG-00112233-4455-6677-8899-aabbccddeeff, "
                + "'0 of 1: emulated GPU MIG 1g.2gb, MIG-00112233-4455-6677-8899-aabbccddeeff'",
    })
    void aDeviceIsOpenedByItsName(String device, String said) throws Exception {
        assertEquals(said, choose(device, Map.of()));
    }

    @Test
    void aDeviceThatIsNotThereIsToldWithThoseThatAre() throws Exception {
        String said = choose("GPU-99112233-4455-6677-8899-aabbccddee01", Map.of());
        assertTrue(
                said.contains("There is no device GPU-99112233") && said.contains("aabbccddee00, 0000:1a:00.0"), said);
        // The operator's own choice of what the process sees stays.
        said = choose("MIG-00112233-4455-6677-8899-aabbccddeeff", Map.of("CUDA_VISIBLE_DEVICES", "0,1"));
        assertTrue(said.contains("There is no device MIG-") && said.contains("CUDA_VISIBLE_DEVICES=0,1"), said);
    }

    @Test
    void deniedNativeAccessIsNotCalledAMissingGpu() throws Exception {
        String found = look("--illegal-native-access=deny");
        assertTrue(found.contains("--enable-native-access=ALL-UNNAMED"), found);
    }

    /** The way a node goes: find, load by profile, serve. */
    @Test
    void aModelIsLoadedByItsProfileAndServed() throws IOException {
        Gpu.install();
        CudaAccelerator accelerator = new CudaAccelerator();
        assertEquals(
                1,
                accelerator.find().devices().size(),
                String.valueOf(accelerator.find().why()));
        assumeTrue(
                Cuda.class.getResource("/io/plumbline/native/cuda/plumbline.fatbin") != null,
                "Skipped: the fatbin was not built (no nvcc here)");
        try (LoadedModel model = TestModels.load(TestModels.SHIPPED, folder);
                Accelerator.Loaded loaded = accelerator.load(0, model, model.layers(), share -> {})) {
            Engine.Limits limits = loaded.limits();
            assertTrue(limits.cacheBytes() > 0 && limits.batchRows() > 1, limits.toString());
            try (Executor executor = loaded.executor(64, 2)) {
                int[] prompt = {0, 560, 376, 261, 379, 393, 261, 292, 302, 49, 2, 1};
                assertEquals(
                        "386378aa6d1b23a6d10bce1b791abc07dd23ff8587bfd2c72c7b8ac156829f80",
                        Blake3.hex(new Generator(executor, Bytes32.ZERO)
                                .generate(TestModels.request(model, prompt, 40, Sampling.GREEDY), token -> {})
                                .traceRoot()));
            }
        }
    }
}
