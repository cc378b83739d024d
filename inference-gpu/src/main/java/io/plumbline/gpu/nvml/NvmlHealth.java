package io.plumbline.gpu.nvml;

import io.plumbline.inference.language.engine.DeviceHealth;
import java.io.IOException;
import java.util.Set;
import org.bytedeco.cuda.global.nvml;
import org.bytedeco.cuda.nvml.nvmlDevice_st;
import org.bytedeco.javacpp.BytePointer;

/**
 * One GPU's failures by NVIDIA's management library: memory errors that ECC could not correct since the driver was
 * loaded, rows of memory that could not be remapped or wait for it, and a GPU that is not on its bus any more. Of a MIG
 * instance its GPU is asked, since its memory is a part of that.
 */
public final class NvmlHealth implements DeviceHealth {
    /** That the GPU does not answer any more, as the library says it. */
    private static final Set<Integer> LOST =
            Set.of(nvml.NVML_ERROR_GPU_IS_LOST, nvml.NVML_ERROR_RESET_REQUIRED, nvml.NVML_ERROR_NOT_FOUND);

    private final String id;
    private boolean isClosed;

    private NvmlHealth(String id) {
        this.id = id;
    }

    /**
     * Begins to ask.
     *
     * @param id of the GPU or MIG instance, as {@link io.plumbline.inference.language.engine.Device#id}.
     * @throws IOException where the library is not here, or does not begin.
     */
    public static NvmlHealth open(String id) throws IOException {
        if (!Nvml.isHere()) {
            throw new IOException(Nvml.LIBRARY + " is not on this host");
        }
        try {
            int code = nvml.nvmlInit_v2();
            if (code != nvml.NVML_SUCCESS) {
                throw new IOException("nvmlInit says " + Nvml.error(code));
            }
            return new NvmlHealth(id);
        } catch (LinkageError e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new IOException("JavaCPP's bindings of NVML cannot be loaded: " + cause.getMessage(), e);
        }
    }

    @Override
    public String fault() throws IOException {
        try (BytePointer uuid = new BytePointer(id);
                nvmlDevice_st named = new nvmlDevice_st();
                nvmlDevice_st parent = new nvmlDevice_st()) {
            int code = nvml.nvmlDeviceGetHandleByUUID(uuid, named);
            boolean isMig = id.startsWith("MIG-");
            if (code == nvml.NVML_SUCCESS && isMig) {
                code = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(named, parent);
            }
            nvmlDevice_st device = isMig ? parent : named;
            long[] errors = new long[1];
            if (code == nvml.NVML_SUCCESS) {
                code = nvml.nvmlDeviceGetTotalEccErrors(
                        device, nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_VOLATILE_ECC, errors);
            }
            if (LOST.contains(code)) {
                return lost(code);
            }
            if (isTold("nvmlDeviceGetTotalEccErrors", code) && errors[0] != 0) {
                return id + " reports " + errors[0] + " memory errors that ECC could not correct since the driver was"
                        + " loaded. Stop what uses it and reset it: sudo nvidia-smi -r; where it comes again, replace"
                        + " it.";
            }
            int[] corrected = new int[1];
            int[] uncorrected = new int[1];
            int[] isPending = new int[1];
            int[] hasFailed = new int[1];
            code = nvml.nvmlDeviceGetRemappedRows(device, corrected, uncorrected, isPending, hasFailed);
            if (LOST.contains(code)) {
                return lost(code);
            }
            if (!isTold("nvmlDeviceGetRemappedRows", code)) {
                return null;
            }
            if (hasFailed[0] != 0) {
                return id + " reports a row of its memory that could not be remapped. Replace it.";
            }
            return isPending[0] == 0
                    ? null
                    : id + " reports a row of its memory that waits to be remapped. Stop what uses it and reset it:"
                            + " sudo nvidia-smi -r.";
        }
    }

    private String lost(int code) {
        return id + " does not answer any more (" + Nvml.error(code) + "): it has fallen off the bus, or must be reset."
                + " Look at dmesg for Xid errors, and start the host again.";
    }

    /** False where this GPU does not tell: it has no ECC, or it is off. */
    private static boolean isTold(String call, int code) throws IOException {
        if (code != nvml.NVML_SUCCESS && code != nvml.NVML_ERROR_NOT_SUPPORTED) {
            throw new IOException(call + " says " + Nvml.error(code));
        }
        return code == nvml.NVML_SUCCESS;
    }

    @Override
    public void close() {
        if (!isClosed) {
            isClosed = true;
            nvml.nvmlShutdown();
        }
    }
}
