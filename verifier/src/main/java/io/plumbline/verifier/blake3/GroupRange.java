package io.plumbline.verifier.blake3;

/** The groups that hold a range of a message's bytes: {@code first} to {@code end}, at least one. */
record GroupRange(int first, int end) {
    /**
     * @param from of the bytes, 0 to the message's length.
     * @param to exclusive, at most the message's length.
     * @throws IllegalArgumentException where they are no range of the message.
     */
    static GroupRange of(long messageBytes, long from, long to) {
        if (from < 0 || to < from || to > messageBytes) {
            throw new IllegalArgumentException(
                    "Bytes " + from + " to " + to + " are no range of a message of " + messageBytes + " bytes.");
        }
        int groups = ChunkGroups.count(messageBytes);
        int first = (int) Math.min(groups - 1L, from / ChunkGroups.BYTES);
        int end = (int) Math.max(first + 1L, (to + ChunkGroups.BYTES - 1) / ChunkGroups.BYTES);
        return new GroupRange(first, end);
    }

    boolean touches(int from, int to) {
        return first < to && from < end;
    }

    /** Bytes that the groups have. */
    long bytes(long messageBytes) {
        return Math.min(messageBytes, (long) end * ChunkGroups.BYTES) - (long) first * ChunkGroups.BYTES;
    }

    /** Parents in a verified range of these groups. */
    int parents(int groups) {
        return parents(0, groups);
    }

    private int parents(int from, int to) {
        if (!touches(from, to) || to - from == 1) {
            return 0;
        }
        if (first <= from && to <= end) {
            return to - from - 1;
        }
        int middle = from + ChunkGroups.left(to - from);
        return 1 + parents(from, middle) + parents(middle, to);
    }
}
