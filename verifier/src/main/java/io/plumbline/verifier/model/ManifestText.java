package io.plumbline.verifier.model;

/**
 * The form that manifests of all models have in common: lines of words. A manifest may come from anybody, within
 * evidence or from a data node, so its size is looked at before it is cut into objects, each of which takes many times
 * its characters.
 */
public final class ManifestText {
    /** Most bytes of a manifest, and most characters: a model of 128 layers has less than one in eight of them. */
    public static final int MAX_BYTES = 8 << 20;

    /** Most lines; such a model has some 5,000. */
    private static final int MAX_LINES = 1 << 16;

    /** Most characters of a line; the longest, of a configuration with a kind for each layer, has some 2,000. */
    private static final int MAX_LINE = 1 << 14;

    private ManifestText() {}

    /**
     * The lines of a manifest, each without its end.
     *
     * @throws IllegalArgumentException where it has more than a model's, or does not end with a line's end.
     */
    public static String[] lines(String text) {
        if (text.length() > MAX_BYTES) {
            throw new IllegalArgumentException("it has more than " + MAX_BYTES + " characters");
        }
        if (!text.endsWith("\n")) {
            throw new IllegalArgumentException("its last line has no end");
        }
        int count = 0;
        for (int from = 0; from < text.length(); count++) {
            int end = text.indexOf('\n', from);
            if (end - from > MAX_LINE || count == MAX_LINES) {
                throw new IllegalArgumentException(
                        "it has more than " + MAX_LINES + " lines, or one of more than " + MAX_LINE + " characters");
            }
            from = end + 1;
        }
        String[] lines = new String[count];
        for (int i = 0, from = 0; i < count; i++) {
            int end = text.indexOf('\n', from);
            lines[i] = text.substring(from, end);
            from = end + 1;
        }
        return lines;
    }

    /**
     * The parts of a text between separators.
     *
     * @throws IllegalArgumentException where there are more than {@code most}.
     */
    public static String[] parts(String text, char separator, int most) {
        String[] parts = text.split(String.valueOf(separator), most + 1);
        if (parts.length > most) {
            throw new IllegalArgumentException("a line has more than " + most + " parts where it has others");
        }
        return parts;
    }
}
