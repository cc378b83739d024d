package io.plumbline.gpu.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.plumbline.gpu.cuda.Gpu.Buffer;
import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.model.LoadedModel;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The emulated driver refuses what a real one refuses or is free to refuse; and what we took of it when something
 * failed is given back.
 */
@Tag("slow")
@SuppressWarnings("restricted")
class EmulatedDriverTest {
    /** Shared memory that a block may have on the supported GPUs with least. */
    private static final int OPT_IN = 101_376;

    @TempDir
    Path folder;

    private Gpu gpu;

    @BeforeEach
    void open() {
        assumeFalse(Gpu.isReal(), "Skipped: these faults are the emulator's to find");
        gpu = Gpu.open();
    }

    @AfterEach
    void close() {
        if (gpu != null) {
            Gpu.call("emu_forget_failure", -1);
            Gpu.call("emu_set_driver_version", 13_000);
            Gpu.call("emu_set_capability", 8);
            gpu.close();
        }
    }

    private static CudaException refused(String contained, Executable call) {
        CudaException e = assertThrows(CudaException.class, call);
        assertTrue(e.getMessage().contains(contained), e.getMessage());
        return e;
    }

    private void stopped(String contained, Executable call) {
        refused(contained, call);
        Gpu.call("emu_forget_failure", -1);
    }

    @Test
    void staticAndDynamicSharedMemoryTogetherStayWithinTheMostOfABlock() {
        refused(
                "cuFuncSetAttribute of static_and_dynamic failed with CUDA_ERROR_INVALID_VALUE",
                () -> new Cuda(0, new byte[] {1}, Map.of("static_and_dynamic", OPT_IN), null));
        new Cuda(0, new byte[] {1}, Map.of("static_and_dynamic", OPT_IN - 512), null).close();
    }

    @Test
    void everyKernelFitsTheGpuWithLeastSharedMemory() {
        Kernels.dynamicShared().forEach((name, shared) -> {
            long all = shared + Gpu.ask("emu_static_shared", name);
            assertTrue(all <= OPT_IN, name + " takes " + all);
        });
    }

    @Test
    void noMoreSharedMemoryIsHadThanWasOptedInTo() {
        Buffer out = gpu.of(new int[32]);
        int opted = Gpu.KERNELS.get("static_and_dynamic");
        gpu.run("static_and_dynamic", 1, 1, 1, 32, opted, 0, out);
        refused("INVALID_VALUE", () -> gpu.run("static_and_dynamic", 1, 1, 1, 32, opted + 16, 0, out));
        // What was not opted in to at all has 48 KiB, of which 512 are static here.
        try (Cuda other = new Cuda(0, new byte[] {1}, Map.of("static_and_dynamic", 0), null);
                Launcher launcher = new Launcher(other, gpu.stream())) {
            launcher.kernel("static_and_dynamic").with(out.address()).run(1, 1, 1, 32, (48 << 10) - 512);
            refused(
                    "INVALID_VALUE",
                    () -> launcher.kernel("static_and_dynamic")
                            .with(out.address())
                            .run(1, 1, 1, 32, (48 << 10) - 496));
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 1, 33", "1, 1, 1, 0", "1, 65536, 1, 32", "1, 1, 65536, 32", "0, 1, 1, 32", "-1, 1, 1, 32"})
    void blocksAndGridsHaveTheirLimits(int x, int y, int z, int threads) {
        Buffer out = gpu.of(new int[32]);
        refused("INVALID_VALUE", () -> gpu.run("static_and_dynamic", x, y, z, threads, 128, 0, out));
    }

    @Test
    void aReadThatItsAddressDoesNotAllowStopsTheLaunch() {
        stopped("719", () -> gpu.run("broken_alignment", 1, 1, 1, 32, 0, 0, gpu.memory(64), gpu.memory(128)));
    }

    @Test
    void whatWasCopiedAsynchronouslyIsThereOnceItWasWaitedFor() {
        int[] values = IntStream.range(0, 128).toArray();
        int[] expected = IntStream.range(0, 32).map(i -> 4 * (31 - i)).toArray();
        for (int wait : new int[] {1, 0}) {
            Buffer out = gpu.memory(128);
            gpu.run("broken_wait", 1, 1, 1, 32, 0, 0, gpu.of(values), out, wait);
            int[] found = gpu.read(out, 128).toArray(ValueLayout.JAVA_INT_UNALIGNED);
            if (wait == 1) {
                assertArrayEquals(expected, found);
            } else {
                assertFalse(Arrays.equals(expected, found), "a missing wait shows");
            }
        }
    }

    @Test
    void aWriteBehindDynamicSharedMemoryIsFound() {
        gpu.run("broken_shared", 1, 1, 1, 32, 64, 0, gpu.memory(128), 15);
        stopped("719", () -> gpu.run("broken_shared", 1, 1, 1, 32, 64, 0, gpu.memory(128), 16));
    }

    @Test
    void freedMemoryIsNoArgumentAndWritesToItAreFound() {
        long freed = gpu.driver().allocate(256);
        gpu.driver().free(freed);
        stopped("700", () -> gpu.run("broken_shared", 1, 1, 1, 32, 64, 0, freed, 1));
        MemorySegment.ofAddress(freed).reinterpret(256).set(ValueLayout.JAVA_BYTE, 3, (byte) 1);
        assertEquals(700, Gpu.call("emu_empty_quarantine", -1));
    }

    @Test
    void hostMemoryOfACopyIsPinned() {
        Buffer there = gpu.memory(64);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pageable = arena.allocate(64, 64);
            refused("INVALID_VALUE", () -> gpu.driver().upload(gpu.stream(), there.address(), pageable));
        }
        MemorySegment pinned = gpu.driver().pinned(64);
        gpu.driver().freePinned(pinned);
        refused("INVALID_VALUE", () -> gpu.driver().download(gpu.stream(), pinned, there.address()));
    }

    @Test
    void whatWasDestroyedIsNoHandle() {
        CUstream_st stream = gpu.driver().stream();
        CUevent_st event = gpu.driver().event();
        gpu.driver().destroy(event);
        refused("INVALID_HANDLE", () -> gpu.driver().record(event, stream));
        gpu.driver().destroy(stream);
        refused("INVALID_HANDLE", () -> gpu.driver().await(stream));
    }

    @Test
    void eventsWithoutTimeTellNone() {
        try (Owned owned = new Owned(gpu.driver())) {
            CUevent_st from = owned.timedEvent();
            CUevent_st to = owned.timedEvent();
            gpu.driver().record(from, gpu.stream());
            gpu.driver().record(to, gpu.stream());
            refused("NOT_READY", () -> gpu.driver().milliseconds(from, to));
            gpu.driver().await(to);
            assertTrue(gpu.driver().milliseconds(from, to) >= 0);
            CUevent_st silent = owned.event();
            gpu.driver().record(silent, gpu.stream());
            gpu.driver().await(silent);
            refused("INVALID_HANDLE", () -> gpu.driver().milliseconds(from, silent));
        }
    }

    @Test
    void aCaptureForbidsWhatWouldWaitOrAllocate() {
        Cuda driver = gpu.driver();
        Buffer out = gpu.memory(128);
        for (Executable forbidden : new Executable[] {
            () -> driver.allocate(16),
            () -> driver.pinned(16),
            () -> driver.await(gpu.stream()),
            () -> driver.free(out.address()),
            () -> new Cuda(0, new byte[] {1}, Map.of(), null).close()
        }) {
            driver.beginCapture(gpu.stream());
            refused("CAPTURE_UNSUPPORTED", forbidden);
            refused("CAPTURE_INVALIDATED", () -> driver.endCapture(gpu.stream()));
        }
        driver.beginCapture(gpu.stream());
        driver.abandonCapture(gpu.stream());
        gpu.run("broken_shared", 1, 1, 1, 32, 64, 0, out, 1);
    }

    @Test
    void anOldDriverIsToldSoBeforeAnythingElse() {
        Gpu.call("emu_set_driver_version", 12_040);
        assertEquals(
                "NVIDIA's driver here offers CUDA 12.4; these kernels need 13.0: install driver 580 or later, or on a "
                        + "data-centre GPU the package cuda-compat-13-0.",
                assertThrows(CudaException.class, Cuda::devices).getMessage());
        refused("CUDA 12.4", () -> new Cuda(0, new byte[] {1}, Map.of(), null));
    }

    @ParameterizedTest
    @CsvSource({
        "34, stubs",
        "46, compute-apps",
        "200, 580",
        "222, 580",
        "221, libnvidia-ptxjitcompiler",
        "223, CUDA_DISABLE_PTX_JIT",
        "802, fabricmanager",
        "803, reboot",
        "804, cuda-compat",
        "2, --cache-mib",
        "209, compute capability"
    })
    void everyErrorOfAHostSaysWhatToDo(int code, String advice) {
        String message = new CudaException("cuInit", code, "NAME", "text").getMessage();
        assertTrue(message.contains(advice), message);
        assertFalse(message.contains("Restart the node"), message);
    }

    @Test
    void anOldGpuIsRefusedAndNothingIsKept() {
        long before = Gpu.call("emu_live", -1);
        Gpu.call("emu_set_capability", 7);
        refused("compute capability 7.0", () -> new Cuda(0, new byte[] {1}, Map.of(), null));
        assertEquals(before, Gpu.call("emu_live", -1));
    }

    private interface Step {
        void run() throws IOException;
    }

    /** Lets the first, the second, … call that creates something fail, until nothing fails any more. */
    private static void eachFailureGivesAllBack(Step step) throws IOException {
        long before = Gpu.call("emu_live", -1);
        for (int n = 0; ; n++) {
            Gpu.call("emu_fail_after", n);
            boolean failed = false;
            try {
                step.run();
            } catch (CudaException e) {
                failed = true;
                assertEquals(2, e.code(), e.getMessage());
            }
            Gpu.call("emu_forget_failure", -1);
            assertEquals(before, Gpu.call("emu_live", -1), "after failure " + n);
            if (!failed) {
                assertTrue(n > 0, "something is created");
                return;
            }
        }
    }

    @Test
    void whatFailsWhileItIsMadeKeepsNothing() throws IOException {
        eachFailureGivesAllBack(() -> new Cuda(0, new byte[] {1}, Kernels.dynamicShared(), null).close());
        eachFailureGivesAllBack(() -> Products.choose(gpu.driver()));
        eachFailureGivesAllBack(() -> Probe.measure(gpu.driver()));
        try (LoadedModel model = TestModels.load(TestModels.SHIPPED, folder)) {
            eachFailureGivesAllBack(
                    () -> new DeviceWeights(gpu.driver(), model, model.layers(), 0, share -> {}).close());
            try (DeviceWeights weights = new DeviceWeights(gpu.driver(), model, model.layers(), 0, share -> {})) {
                eachFailureGivesAllBack(() -> new DevicePass(
                                gpu.driver(), weights, Products.by(Products.Way.MMA, gpu.driver()), model, 16, 2)
                        .close());
            }
        }
    }
}
