package io.plumbline.node.demo;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What a Java process holds, as Linux and the JDK's {@code jcmd} tell it.
 *
 * @param heapBytes of live objects, after a collection.
 * @param residentBytes of memory in all.
 * @param descriptors open files and sockets.
 * @param threads of the operating system.
 */
record ProcessReading(long heapBytes, long residentBytes, long descriptors, long threads) {
    private static final Pattern RESIDENT = Pattern.compile("VmRSS:\\s+(\\d+) kB");
    private static final Pattern THREADS = Pattern.compile("Threads:\\s+(\\d+)");
    private static final Pattern TOTAL = Pattern.compile("(?m)^Total\\s+\\d+\\s+(\\d+)");

    /** @throws IOException where the process is gone, or the host does not tell. */
    static ProcessReading of(long pid) throws IOException, InterruptedException {
        long heap = liveHeap(pid);
        Path process = Path.of("/proc", Long.toString(pid));
        String status = Files.readString(process.resolve("status"));
        try (Stream<Path> open = Files.list(process.resolve("fd"))) {
            return new ProcessReading(heap, 1024 * number(RESIDENT, status), open.count(), number(THREADS, status));
        }
    }

    private static long liveHeap(long pid) throws IOException, InterruptedException {
        Path jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd");
        Process histogram = new ProcessBuilder(List.of(jcmd.toString(), Long.toString(pid), "GC.class_histogram"))
                .redirectErrorStream(true)
                .start();
        String said = new String(histogram.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!histogram.waitFor(60, TimeUnit.SECONDS)) {
            histogram.destroyForcibly();
        }
        return number(TOTAL, said);
    }

    private static long number(Pattern pattern, String text) throws IOException {
        Matcher found = pattern.matcher(text);
        if (!found.find()) {
            throw new IOException("A process does not say what it holds: "
                    + text.lines().findFirst().orElse("nothing") + ".");
        }
        return Long.parseLong(found.group(1));
    }
}
