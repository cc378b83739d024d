package io.plumbline.transport;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Ports that are found free are given to one alone, whoever else looks at the same time. */
class PortsTest {
    private static final int RUN = 7;

    /** A process that finds some and holds them until its input ends. */
    static final class Finder {
        private Finder() {}

        public static void main(String[] arguments) throws Exception {
            for (int i = 0; i < 20; i++) {
                System.out.println(Ports.free(RUN));
            }
            System.in.read();
        }
    }

    @Test
    void nobodyFindsWhatAnotherHasFound() throws Exception {
        Set<Integer> all = new HashSet<>();
        List<Process> others = new ArrayList<>();
        try {
            for (int i = 0; i < 3; i++) {
                others.add(new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java")
                                        .toString(),
                                "-cp",
                                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                                Finder.class.getName())
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start());
            }
            for (int i = 0; i < 20; i++) {
                add(all, Ports.free(RUN));
            }
            for (Process other : others) {
                BufferedReader said =
                        new BufferedReader(new InputStreamReader(other.getInputStream(), StandardCharsets.US_ASCII));
                for (int i = 0; i < 20; i++) {
                    add(all, Integer.parseInt(said.readLine()));
                }
            }
        } finally {
            others.forEach(Process::destroyForcibly);
        }
    }

    private static void add(Set<Integer> all, int first) {
        for (int port = first; port < first + RUN; port++) {
            assertTrue(all.add(port), "port " + port + " was found twice");
        }
    }

    @Test
    void whatIsBoundIsNotFound() throws Exception {
        int first = Ports.free(3);
        try (DatagramSocket socket = new DatagramSocket(null)) {
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), first + 4));
            for (int i = 0; i < 1_000; i++) {
                int next = Ports.free(2);
                assertTrue(next > first + 4 || next + 1 < first + 4, "the bound port is among " + next);
            }
        }
    }

    @Test
    void moreThanThereAreAreNotFound() throws Exception {
        assertTrue(Ports.free(2_000) >= 10_000, "more than a block");
        String why =
                assertThrows(SocketException.class, () -> Ports.free(30_000)).getMessage();
        assertTrue(why.contains("30000"), why);
    }
}
