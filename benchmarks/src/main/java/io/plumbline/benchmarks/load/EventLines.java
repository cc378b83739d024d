package io.plumbline.benchmarks.load;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/** Data of server-sent events, of which an endpoint's are one line each. */
final class EventLines {
    /** A longer line is no event of a chat. */
    static final int MAX_LINE_BYTES = 4 << 20;

    private static final String FIELD = "data:";

    private final InputStream in;
    private final byte[] read = new byte[8192];
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    private int at;
    private int filled;

    EventLines(InputStream in) {
        this.in = in;
    }

    /** The data of the next event; null at the end of the stream. */
    String next() throws IOException {
        for (String text = line(); text != null; text = line()) {
            if (text.startsWith(FIELD)) {
                return text.substring(FIELD.length()).strip();
            }
        }
        return null;
    }

    private String line() throws IOException {
        line.reset();
        while (true) {
            if (at == filled) {
                filled = Math.max(0, in.read(read));
                at = 0;
                if (filled == 0) {
                    return line.size() == 0 ? null : line.toString(StandardCharsets.UTF_8);
                }
            }
            int end = at;
            while (end < filled && read[end] != '\n') {
                end++;
            }
            line.write(read, at, end - at);
            if (line.size() > MAX_LINE_BYTES) {
                throw new IOException("an event is longer than " + MAX_LINE_BYTES + " bytes");
            }
            at = end;
            if (end < filled) {
                at++;
                return line.toString(StandardCharsets.UTF_8);
            }
        }
    }
}
