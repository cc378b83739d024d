package io.plumbline.node.cli.doctor;

import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.kernels.IntKernels;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/** Findings by doing: kernels against the specification, a hash, a signature, the disk, the clock, loopback. */
final class Trials {
    /** BLAKE3 of no bytes, as its authors publish it. */
    private static final String EMPTY_HASH = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

    private static final double GIB = 1 << 30;
    private static final int SYNCS = 40;
    private static final double SLOW_SYNC_MS = 20;
    private static final int ROUND_TRIPS = 200;
    private static final double SLOW_TRIP_US = 1_000;

    /** Answer of adjtimex where nothing keeps the clock right (time.h: TIME_ERROR). */
    private static final int CLOCK_UNSYNCHRONIZED = 5;

    /** Bytes of the kernel's struct timex, and more. */
    private static final int TIMEX_BYTES = 512;

    private Trials() {}

    /** Every form of the kernels gives the specification's sums. */
    static Finding kernels() {
        int rows = 64;
        int width = 512;
        Random random = new Random(1);
        byte[] inputs = symmetric(random, width);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment weights =
                    arena.allocate(rows * width, 64).copyFrom(MemorySegment.ofArray(symmetric(random, rows * width)));
            int[] expected = products(Backend.SCALAR, inputs, weights, rows, width);
            for (Backend form : Backend.all()) {
                if (!Arrays.equals(expected, products(form, inputs, weights, rows, width))) {
                    return Finding.unfit(
                            "kernels",
                            "form " + form.name() + " gives other sums than the specification",
                            "report it with the processor's name; do not sign receipts on this host");
                }
            }
        }
        List<String> names = Backend.all().stream().map(Backend::name).toList();
        String found = "equal to the specification: " + String.join(", ", names);
        return names.getFirst().startsWith("native")
                ? Finding.ok("kernels", found)
                : Finding.warning(
                        "kernels", found + "; the C forms are not here", "install a C compiler, and build again");
    }

    private static byte[] symmetric(Random random, int count) {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++) {
            bytes[i] = (byte) (random.nextInt(255) - 127);
        }
        return bytes;
    }

    private static int[] products(Backend form, byte[] inputs, MemorySegment weights, int rows, int width) {
        IntKernels kernels = form.kernels().get();
        int[] out = new int[rows];
        kernels.multiply(inputs, 0, 1, width, weights, 0, rows, out, 0, rows);
        return out;
    }

    /** A hash and a signature. */
    static Finding hashes() {
        KeyPair keys = KeyPair.random();
        byte[] message = Blake3.hash(new byte[0]);
        boolean isRight = HexFormat.of().formatHex(message).equals(EMPTY_HASH)
                && KeyPair.verify(keys.publicKey(), message, keys.sign(message));
        return isRight
                ? Finding.ok("hash, signature", "right")
                : Finding.unfit(
                        "hash, signature", "wrong on this host", "test its memory; do not run a role on this host");
    }

    /**
     * Free space, and how long the disk takes to keep 4 KiB.
     *
     * @param leastBytes below which a role should not begin.
     */
    static Finding disk(Path folder, long leastBytes, Role role) throws IOException {
        double[] ms = syncMs(folder);
        FileStore store = Files.getFileStore(folder);
        long free = store.getUsableSpace();
        String found = String.format(
                Locale.ROOT,
                "%.1f GiB free in %s (%s); fsync %.2f ms, at worst %.1f ms",
                free / GIB,
                folder,
                store.type(),
                ms[SYNCS / 2],
                ms[SYNCS - 1]);
        if (free < leastBytes) {
            return Finding.unfit(
                    "disk",
                    found,
                    String.format(
                            Locale.ROOT, "free %.1f GiB there, or name another folder with --dir", leastBytes / GIB));
        }
        boolean isWaitedFor = role == null || role.waitsForDisk();
        if (isWaitedFor && store.type().equals("tmpfs")) {
            return Finding.warning(
                    "disk", found + ": gone when the host restarts", "name a folder on a disk with --dir");
        }
        return isWaitedFor && ms[SYNCS / 2] > SLOW_SYNC_MS
                ? Finding.warning(
                        "disk",
                        found + ": each block and each vote waits for it",
                        "put the folder on an SSD with power-loss protection")
                : Finding.ok("disk", found);
    }

    /** How long the disk takes to keep 4 KiB, in ms, in order; the folder is made where there is none. */
    static double[] syncMs(Path folder) throws IOException {
        Files.createDirectories(folder);
        double[] ms = new double[SYNCS];
        Path file = Files.createTempFile(folder, ".doctor-", "");
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            for (int i = 0; i < SYNCS; i++) {
                long begin = System.nanoTime();
                channel.write(ByteBuffer.wrap(new byte[4096]), 4096L * i);
                channel.force(false);
                ms[i] = (System.nanoTime() - begin) / 1e6;
            }
        } finally {
            Files.delete(file);
        }
        Arrays.sort(ms);
        return ms;
    }

    /** Whether something keeps the clock right, as the kernel says. */
    @SuppressWarnings("restricted")
    static Finding clock() {
        int state;
        try (Arena arena = Arena.ofConfined()) {
            Linker linker = Linker.nativeLinker();
            state = (int) linker.downcallHandle(
                            linker.defaultLookup().find("adjtimex").orElseThrow(),
                            FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS))
                    .invokeExact(arena.allocate(TIMEX_BYTES, 8));
        } catch (Throwable e) {
            return Finding.ok("clock", "the system does not say whether it is kept right");
        }
        return state == CLOCK_UNSYNCHRONIZED
                ? Finding.warning(
                        "clock",
                        "nothing keeps it right: certification stops where full nodes' clocks differ by a minute",
                        "sudo timedatectl set-ntp true, or run chrony")
                : Finding.ok("clock", "kept right");
    }

    /** How long a datagram takes to this host and back. */
    static Finding loopback() {
        double[] us;
        try {
            us = tripsUs();
        } catch (IOException e) {
            return Finding.unfit(
                    "loopback",
                    "a datagram does not come back: " + e.getMessage(),
                    "let UDP pass on lo: sudo ip link set lo up, and look at the firewall");
        }
        double median = us[ROUND_TRIPS / 2];
        String found = String.format(Locale.ROOT, "%.0f us there and back", median);
        return median > SLOW_TRIP_US
                ? Finding.warning("loopback", found + ": the host is too busy", "look at what else runs, with top")
                : Finding.ok("loopback", found);
    }

    /** How long a datagram takes to this host and back, in us, in order. */
    static double[] tripsUs() throws IOException {
        double[] us = new double[ROUND_TRIPS];
        try (DatagramSocket here = new DatagramSocket(0, InetAddress.getLoopbackAddress());
                DatagramSocket there = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
            here.setSoTimeout(1_000);
            there.setSoTimeout(1_000);
            Thread.ofPlatform().daemon().start(() -> echo(there));
            byte[] bytes = new byte[64];
            for (int i = 0; i < ROUND_TRIPS; i++) {
                long begin = System.nanoTime();
                here.send(new DatagramPacket(bytes, bytes.length, there.getLocalSocketAddress()));
                here.receive(new DatagramPacket(bytes, bytes.length));
                us[i] = (System.nanoTime() - begin) / 1e3;
            }
        }
        Arrays.sort(us);
        return us;
    }

    private static void echo(DatagramSocket socket) {
        byte[] bytes = new byte[64];
        try {
            while (true) {
                DatagramPacket packet = new DatagramPacket(bytes, bytes.length);
                socket.receive(packet);
                socket.send(packet);
            }
        } catch (IOException e) {
            // Closed with the trial.
        }
    }
}
