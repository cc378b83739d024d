package io.plumbline.gpu.nvml;

import java.util.List;

/**
 * One GPU as NVML tells it. What a GPU does not tell, as cheaper ones of ECC, is null.
 *
 * @param index as nvidia-smi counts.
 * @param mig whether it is cut into instances (MIG).
 * @param memory bytes, all and used.
 * @param ecc whether memory is checked and corrected, and whether it will be after the next reset.
 * @param errors that ECC found.
 * @param rows of memory that were remapped.
 * @param clocks in MHz.
 * @param power in milliwatts.
 * @param reasons why clocks are lower than they could be: NVML's nvmlClocksEventReason bits.
 * @param celsius of the chip.
 * @param persistence whether the driver keeps it ready while nobody uses it.
 * @param computeMode NVML's nvmlComputeMode: 0 for any processes, 2 for none, 3 for one.
 * @param link PCI Express.
 * @param processes that compute on it, this one left out.
 */
record GpuState(
        int index,
        String name,
        String uuid,
        Boolean mig,
        Memory memory,
        Ecc ecc,
        Errors errors,
        Rows rows,
        Clocks clocks,
        Power power,
        Long reasons,
        Integer celsius,
        Boolean persistence,
        Integer computeMode,
        Link link,
        List<Process> processes) {
    record Memory(long total, long used) {}

    record Ecc(boolean isOn, boolean isPending) {}

    /**
     * @param corrected since the driver was loaded.
     * @param uncorrected since the driver was loaded.
     * @param everUncorrected in the GPU's life.
     */
    record Errors(long corrected, long uncorrected, long everUncorrected) {}

    /**
     * @param corrected rows remapped after corrected errors.
     * @param uncorrected rows remapped after uncorrected errors.
     * @param isPending whether a reset is needed first.
     * @param hasFailed whether a row could not be remapped.
     */
    record Rows(int corrected, int uncorrected, boolean isPending, boolean hasFailed) {}

    record Clocks(int sm, int mostSm, int memory, int mostMemory) {}

    record Power(int used, int limit, int defaultLimit) {}

    record Link(int generation, int mostGeneration, int width, int mostWidth) {}

    /** @param bytes of the GPU's memory; -1 where the driver does not tell. */
    record Process(int pid, long bytes) {}

    /**
     * All GPUs.
     *
     * @param driver its version, such as "580.65.06".
     * @param cuda the newest CUDA that it offers, as 1000 times the version and 10 times the minor one.
     */
    record Host(String driver, int cuda, List<GpuState> gpus) {}
}
