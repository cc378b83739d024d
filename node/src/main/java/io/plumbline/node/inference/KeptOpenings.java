package io.plumbline.node.inference;

import io.plumbline.node.inference.AnswerOpener.Opened;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Openings that others will ask for too: the newest, as many as their share of memory has room for. Used by one thread
 * at a time.
 */
final class KeptOpenings {
    /** An opening that takes more than one part in so many of the room would put too many others out. */
    private static final int PARTS = 8;

    private final long mostBytes;
    private final Map<String, Opened> kept = new LinkedHashMap<>();
    private long bytes;

    KeptOpenings(long mostBytes) {
        this.mostBytes = mostBytes;
    }

    /** The opening kept under this name; null where it was not, or has made room for others. */
    Opened find(String what) {
        return kept.get(what);
    }

    /** Keeps an opening that is not kept, where it is not too large. */
    void keep(String what, Opened opened) {
        if (opened.bytes().length > mostBytes / PARTS) {
            return;
        }
        kept.put(what, opened);
        bytes += opened.bytes().length;
        for (Iterator<Opened> eldest = kept.values().iterator(); bytes > mostBytes; eldest.remove()) {
            bytes -= eldest.next().bytes().length;
        }
    }
}
