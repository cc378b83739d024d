package io.plumbline.ledger.faults;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.HashMap;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;

/**
 * A bad network between hosts, the same for the same seed: passes datagrams on, loses some, doubles some, and holds
 * each up for a while of its own, so that they overtake each other.
 */
final class Relay {
    private static final int PORTS = 6;
    private static final int LOST_PERCENT = 5;
    private static final int DOUBLED_PERCENT = 3;
    private static final long MOST_DELAY_NS = 4_000_000;

    private final Random random;
    private final Selector selector = Selector.open();
    private final PriorityQueue<Held> held = new PriorityQueue<>((x, y) -> Long.compare(x.dueNs, y.dueNs));
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(65_536);

    private record Held(long dueNs, DatagramChannel by, SocketAddress to, byte[] bytes) {}

    /** Where one host reaches another: answers go back by the channel they came through. */
    private final class Way {
        private final DatagramChannel front;
        private final SocketAddress target;
        private final InetSocketAddress as;
        private final Map<SocketAddress, DatagramChannel> backs = new HashMap<>();

        Way(InetSocketAddress at, String as, SocketAddress target) throws IOException {
            this.target = target;
            this.as = new InetSocketAddress(as, 0);
            front = open(at);
            front.register(selector, SelectionKey.OP_READ, (Reader) this::onFront);
        }

        private void onFront(SocketAddress from, byte[] bytes) throws IOException {
            DatagramChannel back = backs.get(from);
            if (back == null) {
                back = open(as);
                back.register(selector, SelectionKey.OP_READ, (Reader) (source, answer) -> pass(front, from, answer));
                backs.put(from, back);
            }
            pass(back, target, bytes);
        }
    }

    private interface Reader {
        void read(SocketAddress from, byte[] bytes) throws IOException;
    }

    private Relay(long seed) throws IOException {
        random = new Random(seed);
    }

    /**
     * Arguments: seed, then for each way "host,host@host:port": where to listen, from where to send, and whom to,
     * from that port on.
     */
    public static void main(String[] arguments) throws IOException {
        Relay relay = new Relay(Long.parseLong(arguments[0]));
        for (int i = 1; i < arguments.length; i++) {
            String[] way = arguments[i].split("[,@:]");
            int port = Integer.parseInt(way[3]);
            for (int p = port; p < port + PORTS; p++) {
                relay.new Way(new InetSocketAddress(way[0], p), way[1], new InetSocketAddress(way[2], p));
            }
        }
        Thread.ofPlatform().daemon().start(() -> {
            try {
                while (System.in.read() >= 0) {
                    Thread.onSpinWait();
                }
            } catch (IOException e) {
                // The test is gone.
            }
            Runtime.getRuntime().halt(0);
        });
        System.out.println("started");
        relay.run();
    }

    private static DatagramChannel open(InetSocketAddress at) throws IOException {
        DatagramChannel channel = DatagramChannel.open();
        channel.setOption(java.net.StandardSocketOptions.SO_RCVBUF, 1 << 20);
        channel.bind(at).configureBlocking(false);
        return channel;
    }

    private void pass(DatagramChannel by, SocketAddress to, byte[] bytes) {
        if (random.nextInt(100) < LOST_PERCENT) {
            return;
        }
        for (int copies = random.nextInt(100) < DOUBLED_PERCENT ? 2 : 1; copies > 0; copies--) {
            held.add(new Held(System.nanoTime() + (long) (random.nextDouble() * MOST_DELAY_NS), by, to, bytes));
        }
    }

    private void run() throws IOException {
        while (true) {
            Held next = held.peek();
            long waitMs = next == null ? 100 : (next.dueNs - System.nanoTime()) / 1_000_000;
            if (waitMs > 0) {
                selector.select(waitMs);
            } else {
                selector.selectNow();
            }
            for (SelectionKey key : selector.selectedKeys()) {
                DatagramChannel channel = (DatagramChannel) key.channel();
                buffer.clear();
                for (SocketAddress from; (from = channel.receive(buffer)) != null; buffer.clear()) {
                    byte[] bytes = new byte[buffer.flip().remaining()];
                    buffer.get(bytes);
                    ((Reader) key.attachment()).read(from, bytes);
                }
            }
            selector.selectedKeys().clear();
            while (!held.isEmpty() && held.peek().dueNs <= System.nanoTime()) {
                Held one = held.poll();
                one.by.send(ByteBuffer.wrap(one.bytes), one.to);
            }
        }
    }
}
