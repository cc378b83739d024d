package io.plumbline.hardware;

import java.util.List;

/**
 * What the maker says a GPU can do, to stand beside what was measured: a measurement far below it says that something
 * is wrong with the host, or with the measurement.
 *
 * @param match part of the device's name, as the driver gives it.
 * @param bytesPerSecond read from its memory.
 * @param int8OperationsPerSecond dense, on tensor cores; a multiplication and an addition are two.
 */
public record Datasheet(String match, double bytesPerSecond, double int8OperationsPerSecond) {
    /** From NVIDIA's data sheets, half of what they give with sparsity. Longer names before those that they contain. */
    private static final List<Datasheet> ALL = List.of(
            sheet("B200", 8000, 4500),
            sheet("H200 NVL", 4800, 1671),
            sheet("H200", 4800, 1979),
            sheet("H100 NVL", 3900, 1671),
            sheet("H100 PCIe", 2000, 1513),
            sheet("H100 80GB HBM3", 3350, 1979),
            sheet("A100-SXM4-80GB", 2039, 624),
            sheet("A100-SXM4-40GB", 1555, 624),
            sheet("A100 80GB PCIe", 1935, 624),
            sheet("A100-PCIE-40GB", 1555, 624),
            sheet("A30", 933, 330),
            sheet("A40", 696, 299.3),
            sheet("L40S", 864, 733),
            sheet("L40", 864, 362),
            sheet("NVIDIA L4", 300, 242),
            sheet("RTX 5090", 1792, 838),
            sheet("RTX 4090", 1008, 660.6),
            sheet("RTX 3090", 936, 284));

    private static Datasheet sheet(String match, double gigabytes, double teraOperations) {
        return new Datasheet(match, gigabytes * 1e9, teraOperations * 1e12);
    }

    /**
     * Of a device by its name, or null where none is known; slices of a GPU (MIG) have none, for they are not the
     * whole of it.
     */
    public static Datasheet of(String device) {
        if (device.contains("MIG")) {
            return null;
        }
        return ALL.stream()
                .filter(sheet -> device.contains(sheet.match()))
                .findFirst()
                .orElse(null);
    }
}
