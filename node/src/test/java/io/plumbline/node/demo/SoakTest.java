package io.plumbline.node.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.beust.jcommander.JCommander;
import com.beust.jcommander.ParameterException;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A minute and a half of what {@code ./plumbline soak} does for hours. */
@Tag("slow")
class SoakTest {
    @Test
    void whatWasAnsweredIsPaidForWhoeverIsKilled() throws Exception {
        assumeTrue(
                !System.getProperty("plumbline.faults", "true").equals("false"),
                "Faults were not tried: -Dplumbline.faults=false said so.");
        System.setProperty("plumbline.home", "..");
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        Soak soak = new Soak(new PrintStream(said, true, StandardCharsets.UTF_8));
        parse(soak, "1.5", "--clients", "2", "--kill-every", "8", "--seed", "17");
        int code = soak.call();
        String report = said.toString(StandardCharsets.UTF_8);
        System.out.println(report);
        assertEquals(0, code, report);
        assertTrue(report.contains("killed full-node-"), report);
    }

    @Test
    void aLengthIsAskedFor() {
        for (String[] wrong : new String[][] {{}, {"-1"}, {"long"}, {"1", "2"}, {"1", "--clients", "0"}}) {
            Soak soak = new Soak(new PrintStream(new ByteArrayOutputStream()));
            Assertions.assertThrows(ParameterException.class, () -> {
                parse(soak, wrong);
                soak.call();
            });
        }
    }

    private static void parse(Soak soak, String... arguments) {
        JCommander.newBuilder().addObject(soak).build().parse(arguments);
    }
}
