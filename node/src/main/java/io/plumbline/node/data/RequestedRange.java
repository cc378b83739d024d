package io.plumbline.node.data;

import io.plumbline.data.store.ByteRange;
import io.plumbline.node.http.HttpException;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The range that a request's Range header names (RFC 9110, 14): one, of bytes. */
final class RequestedRange {
    private static final Pattern ONE = Pattern.compile("bytes=(\\d{0,18})-(\\d{0,18})");

    private RequestedRange() {}

    /**
     * @param header null where there is none.
     * @return null where the whole is to be sent: no header, one of another unit, or several ranges.
     * @throws HttpException 416 where the blob has no byte of it.
     */
    static ByteRange of(String header, long bytes) {
        Matcher one = ONE.matcher(header == null ? "" : header.strip());
        if (!one.matches() || one.group(1).isEmpty() && one.group(2).isEmpty()) {
            return null;
        }
        long from;
        long to;
        if (one.group(1).isEmpty()) {
            from = Math.max(0, bytes - Long.parseLong(one.group(2)));
            to = bytes;
        } else {
            from = Long.parseLong(one.group(1));
            to = one.group(2).isEmpty() ? bytes : Math.min(bytes, Long.parseLong(one.group(2)) + 1);
        }
        if (from >= to) {
            throw new HttpException(
                    416,
                    "The blob has " + bytes + " bytes, none of which are in " + header + ".",
                    Map.of("Content-Range", "bytes */" + bytes));
        }
        return new ByteRange(from, to);
    }
}
