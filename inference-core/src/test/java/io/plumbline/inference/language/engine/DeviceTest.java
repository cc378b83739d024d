package io.plumbline.inference.language.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Devices by the names that operators have of them: of nvidia-smi, CUDA and lspci. */
class DeviceTest {
    private static final String FIRST = "GPU-3f2a1b4c-0d5e-4f60-8172-93a4b5c6d7e8";
    private static final String SECOND = "GPU-00112233-4455-6677-8899-aabbccddeeff";
    private static final List<Device> HOST = List.of(
            new Device("NVIDIA A", FIRST, "0000:1a:00.0"),
            new Device("NVIDIA B", SECOND, "0001:1a:00.0"),
            new Device(
                    "NVIDIA C MIG 1g.10gb",
                    "MIG-" + SECOND.substring(4).replace("00112233", "10112233"),
                    "0000:9c:00.0"));

    @ParameterizedTest
    @CsvSource({
        "auto, 0",
        "gpu, 0",
        "0, 0",
        "2, 2",
        FIRST + ", 0",
        SECOND + ", 1",
        "GPU-00112233-4455-6677-8899-AABBCCDDEEFF, 1",
        "MIG-10112233-4455-6677-8899-aabbccddeeff, 2",
        "0000:1a:00.0, 0",
        "00000001:1A:00.0, 1",
        "9c:00.0, 2",
    })
    void oneIsFoundByEachOfItsNames(String word, int index) throws IOException {
        assertEquals(index, Device.find(HOST, word));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "3",
                "GPU-99112233-4455-6677-8899-aabbccddeeff",
                "MIG-00112233-4455-6677-8899-aabbccddeeff",
                "0000:1b:00.0"
            })
    void oneThatIsNotThereIsToldInALineThatNamesThoseThatAre(String word) {
        String said =
                assertThrows(IOException.class, () -> Device.find(HOST, word)).getMessage();
        assertTrue(said.startsWith("There is no device " + word + ". This host has NVIDIA A (" + FIRST), said);
        for (Device device : HOST) {
            assertTrue(said.contains(device.id()) && said.contains(device.bus()), said);
        }
        assertFalse(said.contains("\n"), said);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "auto",
                "-1",
                "12345",
                "GPU-1234",
                "MIG-GPU-3f2a1b4c/1/0",
                "GPU3f2a",
                "1a:00",
                "zz:00.0",
                "1a:00.8"
            })
    void whatNamesNoDeviceIsNoName(String word) {
        assertFalse(Device.isName(word));
    }

    @Test
    void anIndexIsWarnedOfWithTheNameToWrite() {
        assertTrue(Device.warning(HOST, "1").contains("write --device " + SECOND));
        assertNull(Device.warning(HOST, SECOND));
        assertNull(Device.warning(HOST, "auto"));
        assertNull(Device.warning(HOST, "7"));
    }
}
