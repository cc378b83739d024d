package io.plumbline.gpu.nvml;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.inference.language.engine.Accelerator.Observation;
import io.plumbline.inference.language.engine.Accelerator.Severity;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Scanner;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The operator is told of GPUs: by states as such, and through the bindings by a library that stands in. */
class NvmlTest {
    @TempDir
    Path folder;

    /** Of a process whose library paths have the stand-in. */
    static final class Look {
        public static void main(String[] arguments) {
            Nvml.observe()
                    .forEach(one -> System.out.println(
                            one.severity() + "|" + one.what() + "|" + one.found() + "|" + one.mend()));
        }
    }

    /** Asks of one GPU for each line that it is given, until there are no more. */
    static final class Watch {
        public static void main(String[] arguments) throws Exception {
            try (NvmlHealth health = NvmlHealth.open(arguments[0]);
                    Scanner lines = new Scanner(System.in)) {
                while (lines.hasNextLine()) {
                    lines.nextLine();
                    try {
                        System.out.println(health.fault());
                    } catch (IOException e) {
                        System.out.println("no answer: " + e.getMessage());
                    }
                }
            }
        }
    }

    /** A process that watches a GPU whose state is what a file says. */
    private final class Watched implements AutoCloseable {
        private final Path state;
        private final Process process;
        private final BufferedReader said;

        Watched(String id) throws IOException {
            state = folder.resolve("state-" + id);
            Files.writeString(state, "good");
            ProcessBuilder builder = new ProcessBuilder(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "--enable-native-access=ALL-UNNAMED",
                    "-cp",
                    System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                    Watch.class.getName(),
                    id);
            builder.environment().put("NVML_FAKE", "@" + state);
            builder.environment().put("LD_LIBRARY_PATH", folder.toString());
            process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
            said = process.inputReader();
        }

        String when(String is) throws IOException {
            Files.writeString(state, is);
            process.outputWriter().write("\n");
            process.outputWriter().flush();
            return said.readLine();
        }

        @Override
        public void close() throws IOException {
            process.outputWriter().close();
            process.destroyForcibly();
        }
    }

    private static String run(ProcessBuilder builder) throws Exception {
        Process process = builder.redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), said);
        return said.strip();
    }

    /** @param what is the matter with the stand-in, or null for none there. */
    private List<String> look(String what) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                Look.class.getName());
        if (what != null) {
            builder.environment().put("NVML_FAKE", what);
            builder.environment().put("LD_LIBRARY_PATH", folder.toString());
        }
        return run(builder)
                .lines()
                .filter(line -> line.contains("|") || !line.startsWith("WARNING:"))
                .toList();
    }

    private void build() throws Exception {
        Path source = folder.resolve("nvml.c");
        try (InputStream in = NvmlTest.class.getResourceAsStream("nvml.c")) {
            Files.write(source, in.readAllBytes());
        }
        boolean hasCompiler;
        try {
            run(new ProcessBuilder("cc", "--version"));
            hasCompiler = true;
        } catch (IOException e) {
            hasCompiler = false;
        }
        assumeTrue(hasCompiler, "there is no C compiler to make the stand-in of NVML with");
        compile("libnvidia-ml.so.1", source);
        // The bindings need these two to be there, and call nothing of them here.
        Path empty = Files.writeString(folder.resolve("empty.c"), "");
        compile("libcuda.so.1", empty);
        compile("libcudart.so.13", empty);
    }

    private void compile(String library, Path source) throws Exception {
        run(new ProcessBuilder(
                "cc", "-shared", "-fPIC", "-o", folder.resolve(library).toString(), source.toString()));
    }

    @Test
    void whatFailsWhileAGpuComputesIsToldAtTheNextLook() throws Exception {
        build();
        try (Watched gpu = new Watched("GPU-1234")) {
            assertEquals("null", gpu.when("good"));
            String errors = gpu.when("ecc");
            assertTrue(
                    errors.startsWith("GPU-1234 reports 2 memory errors that ECC could not correct")
                            && errors.contains("nvidia-smi -r"),
                    errors);
            assertEquals("null", gpu.when("good"));
            assertTrue(gpu.when("pending").contains("waits to be remapped"));
            assertTrue(gpu.when("failed").contains("could not be remapped. Replace it."));
            String lost = gpu.when("lost");
            assertTrue(lost.startsWith("GPU-1234 does not answer any more (GPU is lost)"), lost);
            // One that tells nothing is no broken one, and a driver that gives no answer says nothing of the GPU.
            assertEquals("null", gpu.when("bare"));
            assertEquals("no answer: nvmlDeviceGetTotalEccErrors says Unknown Error", gpu.when("busy"));
        }
        try (Watched instance = new Watched("MIG-1234")) {
            assertEquals("null", instance.when("good"));
            assertTrue(instance.when("ecc").startsWith("MIG-1234 reports 2 memory errors"));
        }
        try (Watched gone = new Watched("GPU-9999")) {
            assertTrue(gone.when("good").startsWith("GPU-9999 does not answer any more"));
        }
    }

    @Test
    void aHostWithoutTheLibraryIsToldSoInOneLine() throws Exception {
        assumeFalse(isHere(), "Skipped: NVML is on this host");
        assertEquals(List.of("OK|GPU state|not asked for: libnvidia-ml.so.1 is not on this host|"), look(null));
    }

    /** Wherever the loader finds it: drivers stand in many folders. */
    @SuppressWarnings("restricted")
    private static boolean isHere() {
        try (Arena arena = Arena.ofConfined()) {
            SymbolLookup.libraryLookup(Nvml.LIBRARY, arena);
            return true;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    /** On a GPU's host, which is not asked to be sound: that it is told of at all, with its name and its clocks. */
    @Test
    void aRealGpuIsTold() throws Exception {
        assumeTrue(isHere(), "Skipped: NVML is not on this host");
        List<String> said = look(null);
        assertTrue(said.stream().anyMatch(line -> line.contains("|GPU 0 device|NVIDIA")), said.toString());
        assertTrue(said.stream().anyMatch(line -> line.contains("|GPU 0 clocks|")), said.toString());
    }

    @Test
    void aSoundGpuIsToldWithoutAWarning() throws Exception {
        build();
        assertEquals(
                List.of(
                        "OK|GPU driver|NVIDIA driver 580.65.06, CUDA 13.1; needed is CUDA 13.0|",
                        "OK|GPU 0 device|NVIDIA Stand-in, GPU-1234, 3 of 81920 MiB used, 34 C|",
                        "OK|GPU 0 ECC|on; since the driver was loaded 0 errors corrected and 0 not; 0 not corrected in"
                                + " its life|",
                        "OK|GPU 0 memory rows|0 rows remapped after corrected errors, 0 after others|",
                        "OK|GPU 0 clocks|SM at 1980 of 1980 MHz, memory at 2619 of 2619|",
                        "OK|GPU 0 power|71 W used, cap 700 W|",
                        "OK|GPU 0 link|PCIe generation 1 of 5, 16 lanes of 16|"),
                look("good"));
    }

    @Test
    void eachFaultIsToldWithWhatMendsIt() throws Exception {
        build();
        String said = String.join("\n", look("bad"));
        for (String line : List.of(
                "UNFIT|GPU driver|NVIDIA driver 550.1, CUDA 12.4; needed is CUDA 13.0|install driver 580 or later",
                "WARNING|GPU 0 MIG|on",
                "UNFIT|GPU 0 ECC|on; since the driver was loaded 10 errors corrected and 20 not; 21 not corrected in its"
                        + " life|stop what uses it and reset it: sudo nvidia-smi -i 0 -r",
                "UNFIT|GPU 0 memory rows|4 rows remapped after corrected errors, 0 after others; one waits for a reset",
                "WARNING|GPU 0 clocks|SM at 345 of 1980 MHz, memory at 1593 of 2619; held down: too hot|",
                "WARNING|GPU 0 power|300 W used, cap 300 W, which holds the clocks down now; 700 W is usual|sudo"
                        + " nvidia-smi -i 0 -pl 700",
                "WARNING|GPU 0 persistence|off",
                "UNFIT|GPU 0 compute mode|prohibited: nothing may compute on it|sudo nvidia-smi -i 0 -c 0",
                "WARNING|GPU 0 processes|others compute on it: process 4242 with 7168 MiB, process 4243|",
                "WARNING|GPU 0 link|PCIe generation 4 of 5, 4 lanes of 16|")) {
            assertTrue(said.contains(line), line + "\n" + said);
        }
    }

    @Test
    void aGpuThatTellsLittleIsNotTakenForABrokenOne() throws Exception {
        build();
        assertEquals(
                List.of("OK|GPU driver", "OK|GPU 0 device", "WARNING|GPU 0 ECC"),
                look("bare").stream()
                        .map(line -> line.substring(0, line.indexOf('|', line.indexOf('|') + 1)))
                        .toList());
    }

    @Test
    void aLibraryThatDoesNotBeginAndAnOldOneAreOneLineEach() throws Exception {
        build();
        assertEquals(
                List.of(
                        "WARNING|GPU state|nvmlInit says Driver Not Loaded|look whether nvidia-smi works: it asks the same"
                                + " library"),
                look("init"));
        Path source = folder.resolve("nvml.c");
        Files.writeString(source, "int nvmlInit_v2(void) { return 0; }\n");
        compile("libnvidia-ml.so.1", source);
        assertTrue(look("good").getFirst().contains("of a driver before 535"));
    }

    private static GpuState state(
            GpuState.Ecc ecc, GpuState.Errors errors, GpuState.Rows rows, Integer mode, int others) {
        List<GpuState.Process> processes = others == 0 ? List.of() : List.of(new GpuState.Process(7, -1));
        return new GpuState(
                1, "G", "U", null, null, ecc, errors, rows, null, null, null, null, null, mode, null, processes);
    }

    private static String judged(GpuState state) {
        return GpuFitness.of(new GpuState.Host("580", 13_000, List.of(state))).stream()
                .filter(one -> one.severity() != Severity.OK)
                .map(Observation::what)
                .collect(Collectors.joining(", "));
    }

    @Test
    void severityFollowsWhatCanMakeAnAnswerFalse() {
        GpuState.Ecc on = new GpuState.Ecc(true, true);
        GpuState.Rows sound = new GpuState.Rows(1, 0, false, false);
        assertEquals("", judged(state(on, new GpuState.Errors(5, 0, 0), sound, 0, 0)));
        assertEquals("GPU 1 ECC", judged(state(on, new GpuState.Errors(0, 0, 1), sound, 0, 0)), "once, long ago");
        assertEquals("GPU 1 ECC", judged(state(new GpuState.Ecc(false, true), null, null, null, 0)));
        assertEquals("GPU 1 memory rows", judged(state(on, null, new GpuState.Rows(0, 1, false, true), null, 0)));
        assertEquals("GPU 1 processes", judged(state(on, null, null, 0, 1)));
        assertEquals("GPU 1 compute mode, GPU 1 processes", judged(state(on, null, null, 3, 1)));
        assertEquals("", judged(state(on, null, null, 3, 0)), "it may be this one's");
        List<Observation> off = GpuFitness.of(
                new GpuState.Host("580", 13_000, List.of(state(new GpuState.Ecc(false, false), null, null, null, 0))));
        assertTrue(off.getLast().mend().startsWith("sudo nvidia-smi -i 1 -e 1, then reset"));
        assertFalse(off.getLast().found().isEmpty());
    }
}
