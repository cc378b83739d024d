package io.plumbline.ledger.faults;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;

/** Hosts that are network namespaces around a router, made by root and gone with {@link #close}. */
public final class Namespaces implements AutoCloseable {
    private final String prefix = "pl" + ProcessHandle.current().pid() % 100_000;
    private final int hosts;

    private final List<String> cuts = new ArrayList<>();

    /** @param hosts each behind a router of all, where relays may stand. */
    public Namespaces(int hosts) throws IOException {
        this.hosts = hosts;
        close();
        run("ip", "netns", "add", name("r"));
        in("r", "ip link set lo up");
        run("ip", "netns", "exec", name("r"), "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
        for (int i = 0; i < hosts; i++) {
            String host = "h" + i;
            run("ip", "netns", "add", name(host));
            in("r", "ip link add port" + i + " type veth peer name eth0 netns " + name(host));
            in("r", "ip addr add 10.77." + i + ".1/24 dev port" + i);
            in("r", "ip link set port" + i + " up");
            in(host, "ip addr add " + address(i) + "/24 dev eth0");
            in(host, "ip link set eth0 up");
            in(host, "ip link set lo up");
            in(host, "ip route add default via 10.77." + i + ".1");
            // Where what is cut off is sent: a neighbour that is not there.
            in(host, "ip neigh replace 10.77." + i + ".99 lladdr 02:00:00:00:00:01 nud permanent dev eth0");
        }
    }

    /** The name of "r", the router, or "h" and a host's number, as {@code ip netns} has it. */
    public String name(String host) {
        return prefix + host;
    }

    /** The address of a host, by its number. */
    public static String address(int host) {
        return "10.77." + host + ".2";
    }

    /** A host hears nothing any more from another. */
    void cut(int host, int from) throws IOException {
        in("h" + from, "ip route replace " + address(host) + "/32 via 10.77." + from + ".99");
        cuts.add("h" + from + " ip route del " + address(host) + "/32");
    }

    void heal() throws IOException {
        for (String cut : new LinkedHashSet<>(cuts)) {
            int space = cut.indexOf(' ');
            in(cut.substring(0, space), cut.substring(space + 1));
        }
        cuts.clear();
    }

    /** One more address of the router, where a relay may listen. */
    void alias(String address) throws IOException {
        in("r", "ip addr add " + address + "/32 dev lo");
    }

    private void in(String host, String command) throws IOException {
        List<String> words = new ArrayList<>(List.of("ip", "netns", "exec", name(host)));
        words.addAll(List.of(command.split(" ")));
        run(words.toArray(String[]::new));
    }

    /** A disk of so many bytes. */
    public static void mount(Path place, String size) throws IOException {
        run("mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", place.toString());
    }

    /** The same, larger or smaller. */
    static void resize(Path place, String size) throws IOException {
        run("mount", "-o", "remount,size=" + size, place.toString());
    }

    /** Takes a disk away. */
    public static void unmount(Path place) throws IOException {
        run("umount", place.toString());
    }

    /** Whether this host lets us. */
    public static boolean areThere() {
        try {
            String probe = "plprobe" + ProcessHandle.current().pid() % 100_000;
            run("ip", "netns", "add", probe);
            try {
                run(
                        "ip", "netns", "exec", probe, "ip", "link", "add", "veth0", "type", "veth", "peer", "name",
                        "veth1");
            } finally {
                run("ip", "netns", "del", probe);
            }
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private static void run(String... command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            if (process.waitFor() != 0) {
                throw new IOException(String.join(" ", command) + ": " + said.strip());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(String.join(" ", command) + " was interrupted", e);
        }
    }

    @Override
    public void close() {
        for (int i = -1; i < hosts; i++) {
            try {
                run("ip", "netns", "del", name(i < 0 ? "r" : "h" + i));
            } catch (IOException e) {
                // It was not there.
            }
        }
    }
}
