package io.plumbline.node.network;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;

/**
 * Tells when files that a process serves by have changed. Whoever changes several does so one after the other, so they
 * must have stayed alike from one look to the next. Not for several threads at once.
 */
public final class FileWatch {
    private final List<Path> files;
    private List<Stamp> seen;
    private boolean isMoving;

    /** @param key the file's number where the file system has one: a file moved there has another. */
    private record Stamp(FileTime changed, long bytes, Object key) {}

    /** Begins to watch, before the files are read for the first time. */
    public FileWatch(Path... files) {
        this.files = List.of(files);
        this.seen = stamps();
    }

    private List<Stamp> stamps() {
        List<Stamp> stamps = new ArrayList<>();
        for (Path file : files) {
            try {
                BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
                stamps.add(new Stamp(now.lastModifiedTime(), now.size(), now.fileKey()));
            } catch (IOException e) {
                // It is not there, or not for this process: that it has gone is a change too.
                stamps.add(new Stamp(null, 0, null));
            }
        }
        return stamps;
    }

    /** Looks: true once, when they have changed since they were read, and not since the last look. */
    public boolean hasChanged() {
        List<Stamp> now = stamps();
        boolean isLike = now.equals(seen);
        boolean changed = isMoving && isLike;
        isMoving = !isLike;
        seen = now;
        return changed;
    }
}
