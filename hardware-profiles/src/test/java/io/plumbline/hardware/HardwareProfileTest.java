package io.plumbline.hardware;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HardwareProfileTest {
    @TempDir
    Path folder;

    @AfterEach
    void forget() {
        System.clearProperty(HardwareProfile.FILE_PROPERTY);
    }

    private void operators(String json) throws IOException {
        Path file = Files.writeString(folder.resolve("mine.json"), json);
        System.setProperty(HardwareProfile.FILE_PROPERTY, file.toString());
    }

    @Test
    void everyDeviceHasAProfileAndLargeOnesALargeOne() throws IOException {
        assertTrue(HardwareProfile.shipped().getLast().match().isEmpty(), "the last is for any");
        HardwareProfile large = HardwareProfile.of("NVIDIA H200");
        HardwareProfile any = HardwareProfile.of("NVIDIA GeForce RTX 4060");
        assertTrue(large.batchRows() > any.batchRows() && large.maxSequences() > any.maxSequences(), large + " " + any);
        assertEquals(any, HardwareProfile.of("a device of next year"));
    }

    @Test
    void anOperatorsOwnComesFirst() throws IOException {
        operators(
                "[{\"name\":\"mine\",\"match\":[\"H200\"],\"batchRows\":7,\"maxSequences\":3,\"queued\":2,\"memoryShare\":0.5}]");
        assertEquals(7, HardwareProfile.of("NVIDIA H200").batchRows());
        assertEquals("any other", HardwareProfile.of("NVIDIA T4").name());
    }

    @Test
    void whatIsWrongInAFileIsNamedWithIt() throws IOException {
        operators(
                "[{\"name\":\"mine\",\"match\":[],\"batchRows\":7,\"maxSequences\":3,\"queued\":2,\"memoryShare\":1.5}]");
        IOException share = assertThrows(IOException.class, () -> HardwareProfile.of("any"));
        assertTrue(
                share.getMessage().contains("mine.json") && share.getMessage().contains("memoryShare"),
                share.getMessage());
        operators("[{\"name\":\"mine\",\n\"match\":[]}]");
        IOException missing = assertThrows(IOException.class, () -> HardwareProfile.of("any"));
        assertTrue(missing.getMessage().contains("batchRows"), missing.getMessage());
        System.setProperty(
                HardwareProfile.FILE_PROPERTY, folder.resolve("none.json").toString());
        assertThrows(IOException.class, () -> HardwareProfile.of("any"));
    }
}
