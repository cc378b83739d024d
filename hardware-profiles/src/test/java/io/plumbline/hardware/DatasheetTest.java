package io.plumbline.hardware;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DatasheetTest {
    /** Names as drivers give them. */
    @ParameterizedTest
    @CsvSource({
        "NVIDIA H200, 4800, 1979",
        "NVIDIA H200 NVL, 4800, 1671",
        "NVIDIA H100 80GB HBM3, 3350, 1979",
        "NVIDIA H100 PCIe, 2000, 1513",
        "NVIDIA A100-SXM4-80GB, 2039, 624",
        "NVIDIA L40S, 864, 733",
        "NVIDIA L40, 864, 362",
        "NVIDIA L4, 300, 242",
        "NVIDIA GeForce RTX 4090, 1008, 660.6"
    })
    void aDeviceHasItsOwn(String device, double gigabytes, double teraOperations) {
        Datasheet sheet = Datasheet.of(device);
        assertEquals(gigabytes, sheet.bytesPerSecond() / 1e9, 1e-6);
        assertEquals(teraOperations, sheet.int8OperationsPerSecond() / 1e12, 1e-6);
    }

    @Test
    void whatIsNotKnownOrNotWholeHasNone() {
        assertNull(Datasheet.of("emulated GPU"));
        assertNull(Datasheet.of("NVIDIA H100 80GB HBM3 MIG 1g.10gb"));
    }
}
