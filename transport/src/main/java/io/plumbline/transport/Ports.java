package io.plumbline.transport;

import java.io.IOException;
import java.net.BindException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.ThreadLocalRandom;
import org.agrona.CloseHelper;

/**
 * UDP ports of this machine that nobody uses, for those that others must know before they are bound.
 *
 * <p>Between the look and the binding another may find the same. So a process looks in a block of ports of its own,
 * which a lock on a file keeps others of the same user out of while it lives, and gives none twice before it has gone
 * through the block.
 */
public final class Ports {
    /**
     * Below those that systems give to sockets that ask for any port: one of these could be taken by the time it is
     * bound.
     */
    private static final int FIRST = 10_000;

    private static final int BLOCK = 1_000;
    private static final int BLOCKS = 22;

    /** Held until the process ends, or has gone through its block. */
    private static FileChannel own;

    /** The next port of the block, and where it ends. */
    private static int next;

    private static int end;

    private Ports() {}

    /**
     * The first of a run of free ports.
     *
     * @param count at most 22,000.
     * @throws SocketException where there is none.
     */
    public static synchronized int free(int count) throws SocketException {
        for (int i = 0; count <= BLOCK && i <= BLOCKS; i++) {
            for (; next + count <= end; next++) {
                if (areFree(next, count)) {
                    next += count;
                    return next - count;
                }
            }
            takeBlock();
        }
        // More than a block has, or no block in which there are so many: wherever they are.
        int places = BLOCK * BLOCKS - count + 1;
        int drawn = places > 0 ? ThreadLocalRandom.current().nextInt(places) : 0;
        for (int i = 0; i < places; i++) {
            int base = FIRST + (drawn + i) % places;
            if (areFree(base, count)) {
                return base;
            }
        }
        throw new SocketException("No " + count + " free UDP ports in a row were found from " + FIRST + " to "
                + (FIRST + BLOCK * BLOCKS - 1) + ".");
    }

    /** Another block than before, drawn at random; one that others use too where no file can be locked. */
    private static void takeBlock() {
        CloseHelper.quietClose(own);
        own = null;
        int drawn = ThreadLocalRandom.current().nextInt(BLOCKS);
        int block = drawn;
        for (int i = 0; i < BLOCKS && own == null; i++) {
            block = (drawn + i) % BLOCKS;
            own = locked(block);
        }
        next = FIRST + block * BLOCK;
        end = next + BLOCK;
    }

    /** Null where another process has it, or there can be no such file. */
    private static FileChannel locked(int block) {
        FileChannel file = null;
        try {
            Path folder = Files.createDirectories(Path.of(
                    System.getProperty("java.io.tmpdir"), "plumbline-ports-" + System.getProperty("user.name")));
            file = FileChannel.open(
                    folder.resolve(String.valueOf(FIRST + block * BLOCK)),
                    StandardOpenOption.CREATE,
                    StandardOpenOption.WRITE);
            if (file.tryLock() != null) {
                return file;
            }
        } catch (IOException | OverlappingFileLockException e) {
            // It is looked for in others.
        }
        CloseHelper.quietClose(file);
        return null;
    }

    private static boolean areFree(int base, int count) throws SocketException {
        for (int port = base; port < base + count; port++) {
            try (DatagramSocket socket = new DatagramSocket(null)) {
                socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            } catch (BindException e) {
                return false;
            }
        }
        return true;
    }
}
