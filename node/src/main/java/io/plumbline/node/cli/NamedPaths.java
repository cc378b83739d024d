package io.plumbline.node.cli;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Looks at files, folders and hosts that options name; each message begins with the option. */
public final class NamedPaths {
    private NamedPaths() {}

    private static String user() {
        return System.getProperty("user.name");
    }

    /** @throws IOException where it is not a file that this user may read. */
    public static void requireFile(String option, Path file) throws IOException {
        requireThere(option, file);
        if (!Files.isRegularFile(file)) {
            throw new IOException(option + ": " + file + " is a folder; name a file.");
        }
        requireReadable(option, file);
    }

    /** @throws IOException where it is not a folder that this user may read. */
    public static void requireFolder(String option, Path folder) throws IOException {
        requireThere(option, folder);
        if (!Files.isDirectory(folder)) {
            throw new IOException(option + ": " + folder + " is a file; name a folder.");
        }
        requireReadable(option, folder);
    }

    /** @throws IOException where there is nothing of this name. */
    public static void requireThere(String option, Path path) throws IOException {
        if (Files.exists(path)) {
            return;
        }
        Path closed = path.toAbsolutePath().getParent();
        while (closed != null && !Files.exists(closed)) {
            closed = closed.getParent();
        }
        if (closed != null && !Files.isExecutable(closed)) {
            throw new IOException(option + ": user " + user() + " may not look into " + closed + ", where " + path
                    + " should be; change its owner or its permissions.");
        }
        throw new IOException(option + ": " + path + " does not exist; make it, or name another.");
    }

    private static void requireReadable(String option, Path path) throws IOException {
        if (!Files.isReadable(path)) {
            throw new IOException(
                    option + ": user " + user() + " may not read " + path + "; change its owner or its permissions.");
        }
    }

    /** @throws IOException where this user may neither write to the folder nor make it. */
    public static void requireWritable(String option, Path folder) throws IOException {
        Path there = folder.toAbsolutePath();
        while (!Files.exists(there) && there.getParent() != null) {
            there = there.getParent();
        }
        if (!Files.isDirectory(there)) {
            throw new IOException(option + ": " + there + " is a file; name a folder.");
        }
        if (!Files.isWritable(there)) {
            throw new IOException(option + ": user " + user() + " may not write to " + there
                    + "; change its owner or its permissions, or name another folder.");
        }
    }

    /** @throws IOException where the name has no address. */
    public static void requireHost(String option, String host) throws IOException {
        try {
            InetAddress.getByName(host);
        } catch (UnknownHostException e) {
            throw new IOException(
                    option + ": " + host + " has no address; name the address that others reach this host at.", e);
        }
    }
}
