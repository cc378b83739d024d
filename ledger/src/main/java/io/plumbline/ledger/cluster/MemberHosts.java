package io.plumbline.ledger.cluster;

import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * The hosts that a cluster's ports hear: those of its members, by the names in the network's own file, and this one.
 * Names are looked up again now and then, by a thread of its own, for members that move.
 */
final class MemberHosts implements Supplier<Set<InetAddress>>, AutoCloseable {
    private static final long AGAIN_MS = TimeUnit.SECONDS.toMillis(10);

    private final List<String> names;
    private final Thread thread;
    private volatile Set<InetAddress> hosts = Set.of();

    /** @param members "host:port" of each. */
    MemberHosts(List<String> members) {
        this.names = members.stream()
                .map(member -> member.substring(0, member.lastIndexOf(':')))
                .distinct()
                .toList();
        look();
        thread = Thread.ofVirtual().name("member-hosts").start(() -> {
            try {
                while (true) {
                    Thread.sleep(AGAIN_MS);
                    look();
                }
            } catch (InterruptedException e) {
                // Closed.
            }
        });
    }

    private void look() {
        Set<InetAddress> found = new HashSet<>();
        for (String name : names) {
            try {
                found.addAll(List.of(InetAddress.getAllByName(name)));
            } catch (UnknownHostException e) {
                // Those that it had may still be right.
                found.addAll(hosts);
            }
        }
        try {
            NetworkInterface.networkInterfaces()
                    .flatMap(one -> Collections.list(one.getInetAddresses()).stream())
                    .forEach(found::add);
        } catch (SocketException e) {
            found.add(InetAddress.getLoopbackAddress());
        }
        hosts = Set.copyOf(found);
    }

    @Override
    public Set<InetAddress> get() {
        return hosts;
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
