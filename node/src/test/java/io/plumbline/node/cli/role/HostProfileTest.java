package io.plumbline.node.cli.role;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.beust.jcommander.JCommander;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.node.cli.HostProfile;
import io.plumbline.node.cli.doctor.TuneCommand;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What tune writes is what roles read, on the host that it was measured on, where no option says otherwise. */
class HostProfileTest {
    private static final int HERE = Runtime.getRuntime().availableProcessors();

    @TempDir
    Path folder;

    @AfterEach
    void forget() {
        System.clearProperty(Backend.PROPERTY);
    }

    private Path write(String text) throws IOException {
        return Files.writeString(folder.resolve("host.toml"), text);
    }

    private static String profile(String kernels, Object threads, Object rows) {
        return "[host]\nprocessor = \"" + HostProfile.processor() + "\"\nprocessors = " + HERE + "\n[use]\nkernels = \""
                + kernels + "\"\nthreads = " + threads + "\nbatch-rows = " + rows + "\n";
    }

    private static void parse(Object options, String... words) {
        JCommander.newBuilder().addObject(options).build().parse(words);
    }

    @Test
    void aRoleTakesItWhereNoOptionSaysOtherwise() throws IOException {
        Path file = write(profile("scalar", 1, 128));
        NodeOptions announced = new NodeOptions();
        parse(announced, "--profile", file.toString());
        ComputeOptions compute = new ComputeOptions();
        announced.useProfile(compute);
        assertEquals(1, compute.threads());
        assertEquals(128, compute.choice().batchRows());
        assertEquals(128, compute.choice().sharedBy(2).batchRows());
        assertEquals(Backend.SCALAR, Backend.best());

        ComputeOptions named = new ComputeOptions();
        parse(named, "--threads", "7");
        announced.useProfile(named);
        assertEquals(7, named.threads());

        ComputeOptions without = new ComputeOptions();
        new NodeOptions().useProfile(without);
        assertEquals(HERE, without.threads());
        assertEquals(0, without.choice().batchRows());
    }

    @Test
    void whatTuneWritesIsRead() throws IOException {
        TuneCommand tune = new TuneCommand();
        Path file = folder.resolve("deep/host.toml");
        parse(tune, "--quick", "--out", file.toString(), "--dir", folder.toString());
        long begin = System.nanoTime();
        assertEquals(0, tune.call());
        assertTrue(System.nanoTime() - begin < 60e9);
        HostProfile read = HostProfile.read(file);
        assertTrue(read.threads() >= 1 && read.threads() <= HERE, read.toString());
        assertTrue(read.batchRows() >= 64 && read.batchRows() <= 512, read.toString());
        String text = Files.readString(file);
        for (String what : new String[] {"memory-gb-s-1", "hash-gb-s", "fsync-ms", "loopback-us", "rough"}) {
            assertTrue(text.contains(what), text);
        }
        TuneCommand wrong = new TuneCommand();
        parse(wrong, "--out", folder.resolve("host.json").toString());
        assertTrue(assertThrows(IOException.class, wrong::call).getMessage().startsWith("--out: "));
    }

    private String why(String text) throws IOException {
        Path file = write(text);
        NodeOptions announced = new NodeOptions();
        parse(announced, "--profile", file.toString());
        IOException e = assertThrows(IOException.class, () -> {
            for (var check : announced.checks()) {
                check.run();
            }
        });
        String message = e.getMessage();
        assertTrue(message.startsWith(file + ":") && message.endsWith("run ./plumbline tune here."), message);
        return message.substring(file.toString().length() + 1);
    }

    @ParameterizedTest
    @CsvSource({
        "threads = 1, threads = 0, '6: use.threads: must be a number from 1 to '",
        "threads = 1, threads = \"1\", '6: use.threads: must be a number from 1 to '",
        "threads = 1, threads = 9999, '6: use.threads: must be a number from 1 to '",
        "batch-rows = 64, batch-rows = 5000, '7: use.batch-rows: must be a number from 1 to 2048'",
        "batch-rows = 64, rows = 64, '7: use.rows: is not known'",
        "\"scalar\", \"fast\", '5: use.kernels: is \"fast\", and this host has '",
        "[use], [usage], '4: usage: is not known'",
        "[use], [use, '4: '",
    })
    void aWrongProfileIsOneLineWithFileLineAndKey(String right, String wrong, String said) throws IOException {
        String message = why(profile("scalar", 1, 64).replace(right, wrong));
        assertTrue(message.startsWith(said), message);
        assertEquals(1, message.lines().count());
    }

    @Test
    void anotherHostsProfileIsRefused() throws IOException {
        String own = profile("scalar", 1, 64);
        assertTrue(
                why(own.replace("processor = \"", "processor = \"Other ")).startsWith("2: host.processor: is \"Other"));
        assertTrue(why(own.replace("processors = " + HERE, "processors = 1000"))
                .startsWith("3: host.processors: is 1000, and this process has " + HERE));
        assertTrue(why("").startsWith("1: host: is required"));
    }

    @Test
    void kernelsThatAreNotThereAreNotReplacedInSilence() {
        System.setProperty(Backend.PROPERTY, "none");
        assertTrue(assertThrows(IllegalStateException.class, Backend::best)
                .getMessage()
                .contains("scalar"));
    }
}
