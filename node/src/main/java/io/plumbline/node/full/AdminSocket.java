package io.plumbline.node.full;

import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.platform.PrivateFiles;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.function.Consumer;

/**
 * A running full node's ear for its operator: a socket in its folder that only its owner may open. One line asks;
 * what comes back, until the end, is the answer.
 */
public final class AdminSocket implements AutoCloseable {
    /** The socket's name in the folder. */
    public static final String NAME = "control";

    private static final String FAILED = "failed: ";
    private static final int MAX_LINE = 4096;

    private final Path socket;
    private final ServerSocketChannel server;

    /** Does what a line says. */
    interface Commands {
        /** @return the answer. */
        String execute(String line) throws Exception;
    }

    /** @param onError hears what went wrong with the socket itself. */
    AdminSocket(Path folder, Commands execute, Consumer<Throwable> onError) throws IOException {
        socket = folder.resolve(NAME);
        Files.deleteIfExists(socket);
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            bind(folder.resolve(".socket"));
        } catch (SocketException e) {
            server.close();
            throw new IOException(
                    "The socket " + socket + " cannot be made: " + e.getMessage()
                            + ". Its path may have about 100 characters; choose a shorter --dir.",
                    e);
        }
        Thread.ofPlatform().daemon().name("control").start(() -> serve(execute, onError));
    }

    /** In a folder that its owner alone may enter: between making it and closing it to others nobody gets in. */
    private void bind(Path hidden) throws IOException {
        Directories.delete(hidden);
        Path made = PrivateFiles.folder(hidden).resolve(NAME);
        server.bind(UnixDomainSocketAddress.of(made));
        Files.setPosixFilePermissions(made, PosixFilePermissions.fromString("rw-------"));
        Files.move(made, socket, StandardCopyOption.ATOMIC_MOVE);
        Directories.delete(hidden);
    }

    private void serve(Commands execute, Consumer<Throwable> onError) {
        while (server.isOpen()) {
            try (SocketChannel client = server.accept()) {
                String line = line(client);
                String answer;
                try {
                    answer =
                            line == null ? FAILED + "a line has at most " + MAX_LINE + " bytes" : execute.execute(line);
                } catch (Exception e) {
                    answer = FAILED + e.getMessage();
                }
                ByteBuffer bytes = ByteBuffer.wrap((answer + "\n").getBytes(StandardCharsets.UTF_8));
                while (bytes.hasRemaining()) {
                    client.write(bytes);
                }
            } catch (ClosedChannelException e) {
                return;
            } catch (IOException e) {
                onError.accept(e);
            }
        }
    }

    /** What is asked; null where it is longer than anything that could be. */
    private static String line(SocketChannel client) throws IOException {
        InputStream in = Channels.newInputStream(client);
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int b; (b = in.read()) >= 0 && b != '\n'; ) {
            if (line.size() == MAX_LINE) {
                return null;
            }
            line.write(b);
        }
        return line.toString(StandardCharsets.UTF_8);
    }

    /** Asks the full node that runs with this folder. */
    public static String ask(Path folder, String line) throws IOException {
        Path socket = folder.resolve(NAME);
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            channel.write(ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8)));
            String answer = new String(Channels.newInputStream(channel).readAllBytes(), StandardCharsets.UTF_8).strip();
            if (answer.startsWith(FAILED)) {
                throw new IOException(answer.substring(FAILED.length()));
            }
            return answer;
        } catch (SocketException e) {
            throw new IOException(
                    "No full node runs with the folder " + folder + " on this host, or it is another user's: "
                            + e.getMessage() + ".",
                    e);
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
        Files.deleteIfExists(socket);
    }
}
