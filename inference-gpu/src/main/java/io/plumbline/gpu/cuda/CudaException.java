package io.plumbline.gpu.cuda;

import io.plumbline.inference.language.engine.DeviceFailedException;

/** A call into the CUDA driver failed: names the call, the code, and what to do. */
public final class CudaException extends DeviceFailedException {
    private static final long serialVersionUID = 1;

    private final int code;

    CudaException(String call, int code, String name, String text) {
        super(call + " failed with " + name + " (" + code + ", " + text + "). " + advice(code));
        this.code = code;
    }

    /** A fault of ours or of the host's that no call reports. */
    CudaException(String message) {
        super(message);
        this.code = -1;
    }

    /** The driver's code, or -1. */
    public int code() {
        return code;
    }

    private static String advice(int code) {
        return switch (code) {
            case 2 ->
                "The GPU's memory is full: stop other programs on it (nvidia-smi lists them), or give fewer --cache-mib.";
            case 34 ->
                "The libcuda.so.1 found is the toolkit's stub: take its folder, .../stubs, out of LD_LIBRARY_PATH.";
            case 46 ->
                "Another process has the GPU to itself: nvidia-smi --query-compute-apps=pid,name --format=csv names it; stop it, "
                        + "or allow several with nvidia-smi -c DEFAULT.";
            case 100, 101 -> "No such GPU: nvidia-smi -L lists them; in a container, pass it through.";
            case 36, 200, 222 ->
                "The driver is too old for these kernels, which are compiled by CUDA 13.0: install NVIDIA's driver 580 or later, "
                        + "or on a data-centre GPU the package cuda-compat-13-0.";
            case 209, 218 ->
                "These kernels are built for compute capability 8.0 and later, with PTX of CUDA 13.0: "
                        + "use such a GPU and NVIDIA's driver 580 or later.";
            case 221, 223 ->
                "This GPU is newer than the kernels and needs them compiled from PTX, which the driver does by "
                        + "libnvidia-ptxjitcompiler.so: in a container give NVIDIA_DRIVER_CAPABILITIES=compute,utility; unset "
                        + "CUDA_DISABLE_PTX_JIT.";
            case 214 ->
                "The GPU met an uncorrectable memory error: restart the node; if it comes again, replace the GPU.";
            case 500 ->
                "These kernels are another version's: build again, or remove plumbline.fatbin from the class path.";
            case 700, 701, 716, 719 ->
                "A kernel was stopped. The node must be restarted; please report it, with what "
                        + "compute-sanitizer says and the Xid lines of dmesg.";
            case 802 ->
                "The GPU is not ready: on HGX systems start nvidia-fabricmanager, of the driver's own version; nvidia-smi shows "
                        + "its state.";
            case 803 ->
                "libcuda.so.1 and the kernel's driver are of different versions: reboot, or load the newer kernel module; in a "
                        + "container, update the host's driver.";
            case 804 ->
                "The package cuda-compat is for data-centre GPUs: remove it here and install NVIDIA's driver 580 or later.";
            default -> "Restart the node; if it comes again, report it with the output of nvidia-smi -q.";
        };
    }
}
