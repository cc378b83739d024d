package io.plumbline.gpu.nvml;

import io.plumbline.inference.language.engine.Accelerator.Observation;
import io.plumbline.inference.language.engine.Accelerator.Severity;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.global.nvml;
import org.bytedeco.cuda.nvml.nvmlDevice_st;
import org.bytedeco.cuda.nvml.nvmlMemory_t;
import org.bytedeco.cuda.nvml.nvmlProcessInfo_v2_t;

/** Asks NVIDIA's management library, through JavaCPP's CUDA presets, for the state of all GPUs. */
public final class Nvml {
    static final String LIBRARY = "libnvidia-ml.so.1";

    private static final String NEWEST = "nvmlDeviceGetCurrentClocksEventReasons";

    private static final int MOST_PROCESSES = 64;

    private Nvml() {}

    /** One call of NVML's for one number. */
    private interface Asked {
        int call(int[] value);
    }

    /** One of two numbers at once. */
    private interface AskedTwo {
        int call(int[] one, int[] other);
    }

    /**
     * Whether this host has the library, of a driver that is new enough.
     *
     * @throws IOException where it is of an older driver.
     */
    @SuppressWarnings("restricted")
    static boolean isHere() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            // A function that is not there would end the process when it is called: the newest stands for all.
            if (SymbolLookup.libraryLookup(LIBRARY, arena).find(NEWEST).isEmpty()) {
                throw new IOException(
                        LIBRARY + " is of a driver before 535, and kernels need " + GpuFitness.NEEDED_DRIVER);
            }
            return true;
        } catch (IllegalArgumentException | IllegalCallerException e) {
            return false;
        }
    }

    /** The state of this host's GPUs; one line where it cannot be asked. Never fails. */
    public static List<Observation> observe() {
        try {
            if (!isHere()) {
                return List.of(new Observation(
                        Severity.OK, "GPU state", "not asked for: " + LIBRARY + " is not on this host", ""));
            }
        } catch (IOException e) {
            return unknown(e.getMessage());
        }
        try {
            int code = nvml.nvmlInit_v2();
            if (code != nvml.NVML_SUCCESS) {
                return unknown("nvmlInit says " + error(code));
            }
            try {
                return GpuFitness.of(host());
            } finally {
                nvml.nvmlShutdown();
            }
        } catch (LinkageError e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            return unknown("JavaCPP's bindings of NVML cannot be loaded: " + cause.getMessage());
        } catch (RuntimeException e) {
            return unknown(String.valueOf(e.getMessage()));
        }
    }

    private static List<Observation> unknown(String why) {
        return List.of(new Observation(
                Severity.WARNING, "GPU state", why, "look whether nvidia-smi works: it asks the same library"));
    }

    static String error(int code) {
        String text = nvml.nvmlErrorString(code).getString();
        return text.isEmpty() ? "error " + code : text;
    }

    private static GpuState.Host host() {
        byte[] driver = new byte[nvml.NVML_DEVICE_UUID_BUFFER_SIZE];
        require("nvmlSystemGetDriverVersion", nvml.nvmlSystemGetDriverVersion(driver, driver.length));
        Integer cuda = number(nvml::nvmlSystemGetCudaDriverVersion_v2);
        int[] count = new int[1];
        require("nvmlDeviceGetCount", nvml.nvmlDeviceGetCount_v2(count));
        List<GpuState> gpus = new ArrayList<>();
        for (int index = 0; index < count[0]; index++) {
            nvmlDevice_st device = new nvmlDevice_st();
            require("nvmlDeviceGetHandleByIndex", nvml.nvmlDeviceGetHandleByIndex_v2(index, device));
            gpus.add(state(index, device));
        }
        return new GpuState.Host(text(driver), cuda == null ? 0 : cuda, gpus);
    }

    private static void require(String call, int code) {
        if (code != nvml.NVML_SUCCESS) {
            throw new IllegalStateException(call + " says " + error(code));
        }
    }

    private static String text(byte[] bytes) {
        int end = 0;
        while (end < bytes.length && bytes[end] != 0) {
            end++;
        }
        return new String(bytes, 0, end, StandardCharsets.UTF_8);
    }

    /** Null where the GPU does not tell. */
    private static Integer number(Asked asked) {
        int[] value = new int[1];
        return asked.call(value) == nvml.NVML_SUCCESS ? value[0] : null;
    }

    private static int[] two(AskedTwo asked) {
        int[] one = new int[1];
        int[] other = new int[1];
        return asked.call(one, other) == nvml.NVML_SUCCESS ? new int[] {one[0], other[0]} : null;
    }

    /** All of them, or null. */
    private static int[] all(Asked... asked) {
        int[] values = new int[asked.length];
        for (int i = 0; i < asked.length; i++) {
            Integer value = number(asked[i]);
            if (value == null) {
                return null;
            }
            values[i] = value;
        }
        return values;
    }

    private static GpuState state(int index, nvmlDevice_st device) {
        byte[] name = new byte[nvml.NVML_DEVICE_NAME_V2_BUFFER_SIZE];
        byte[] uuid = new byte[nvml.NVML_DEVICE_UUID_V2_BUFFER_SIZE];
        nvml.nvmlDeviceGetName(device, name, name.length);
        nvml.nvmlDeviceGetUUID(device, uuid, uuid.length);
        int[] mig = two((now, then) -> nvml.nvmlDeviceGetMigMode(device, now, then));
        int[] ecc = two((now, then) -> nvml.nvmlDeviceGetEccMode(device, now, then));
        int[] clocks = all(
                value -> nvml.nvmlDeviceGetClockInfo(device, nvml.NVML_CLOCK_SM, value),
                value -> nvml.nvmlDeviceGetMaxClockInfo(device, nvml.NVML_CLOCK_SM, value),
                value -> nvml.nvmlDeviceGetClockInfo(device, nvml.NVML_CLOCK_MEM, value),
                value -> nvml.nvmlDeviceGetMaxClockInfo(device, nvml.NVML_CLOCK_MEM, value));
        int[] power = all(
                value -> nvml.nvmlDeviceGetPowerUsage(device, value),
                value -> nvml.nvmlDeviceGetPowerManagementLimit(device, value),
                value -> nvml.nvmlDeviceGetPowerManagementDefaultLimit(device, value));
        int[] link = all(
                value -> nvml.nvmlDeviceGetCurrPcieLinkGeneration(device, value),
                value -> nvml.nvmlDeviceGetMaxPcieLinkGeneration(device, value),
                value -> nvml.nvmlDeviceGetCurrPcieLinkWidth(device, value),
                value -> nvml.nvmlDeviceGetMaxPcieLinkWidth(device, value));
        long[] reasons = new long[1];
        boolean hasReasons = nvml.nvmlDeviceGetCurrentClocksEventReasons(device, reasons) == nvml.NVML_SUCCESS;
        Integer persistence = number(value -> nvml.nvmlDeviceGetPersistenceMode(device, value));
        return new GpuState(
                index,
                text(name),
                text(uuid),
                mig == null ? null : mig[0] != 0,
                memory(device),
                ecc == null ? null : new GpuState.Ecc(ecc[0] != 0, ecc[1] != 0),
                errors(device),
                rows(device),
                clocks == null ? null : new GpuState.Clocks(clocks[0], clocks[1], clocks[2], clocks[3]),
                power == null ? null : new GpuState.Power(power[0], power[1], power[2]),
                hasReasons ? reasons[0] : null,
                celsius(device),
                persistence == null ? null : persistence != 0,
                number(value -> nvml.nvmlDeviceGetComputeMode(device, value)),
                link == null ? null : new GpuState.Link(link[0], link[1], link[2], link[3]),
                processes(device));
    }

    /** By the function that all drivers have; its successor is in the newest alone. */
    @SuppressWarnings("deprecation")
    private static Integer celsius(nvmlDevice_st device) {
        return number(value -> nvml.nvmlDeviceGetTemperature(device, nvml.NVML_TEMPERATURE_GPU, value));
    }

    private static GpuState.Memory memory(nvmlDevice_st device) {
        try (nvmlMemory_t memory = new nvmlMemory_t()) {
            return nvml.nvmlDeviceGetMemoryInfo(device, memory) == nvml.NVML_SUCCESS
                    ? new GpuState.Memory(memory.total(), memory.used())
                    : null;
        }
    }

    private static GpuState.Errors errors(nvmlDevice_st device) {
        Long corrected = count(device, nvml.NVML_MEMORY_ERROR_TYPE_CORRECTED, nvml.NVML_VOLATILE_ECC);
        Long uncorrected = count(device, nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_VOLATILE_ECC);
        Long ever = count(device, nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_AGGREGATE_ECC);
        return corrected == null || uncorrected == null || ever == null
                ? null
                : new GpuState.Errors(corrected, uncorrected, ever);
    }

    private static Long count(nvmlDevice_st device, int type, int counter) {
        long[] count = new long[1];
        return nvml.nvmlDeviceGetTotalEccErrors(device, type, counter, count) == nvml.NVML_SUCCESS ? count[0] : null;
    }

    private static GpuState.Rows rows(nvmlDevice_st device) {
        int[] corrected = new int[1];
        int[] uncorrected = new int[1];
        int[] isPending = new int[1];
        int[] hasFailed = new int[1];
        return nvml.nvmlDeviceGetRemappedRows(device, corrected, uncorrected, isPending, hasFailed) == nvml.NVML_SUCCESS
                ? new GpuState.Rows(corrected[0], uncorrected[0], isPending[0] != 0, hasFailed[0] != 0)
                : null;
    }

    private static List<GpuState.Process> processes(nvmlDevice_st device) {
        List<GpuState.Process> processes = new ArrayList<>();
        int[] count = {MOST_PROCESSES};
        try (nvmlProcessInfo_v2_t infos = new nvmlProcessInfo_v2_t(MOST_PROCESSES)) {
            if (nvml.nvmlDeviceGetComputeRunningProcesses_v3(device, count, infos) == nvml.NVML_SUCCESS) {
                for (int i = 0; i < count[0]; i++) {
                    nvmlProcessInfo_v2_t one = infos.getPointer(i);
                    if (one.pid() != ProcessHandle.current().pid()) {
                        processes.add(new GpuState.Process(one.pid(), one.usedGpuMemory()));
                    }
                }
            }
        }
        return processes;
    }
}
