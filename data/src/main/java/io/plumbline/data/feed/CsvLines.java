package io.plumbline.data.feed;

import java.util.ArrayList;
import java.util.List;

/** Lines of comma-separated values (RFC 4180): fields may be quoted, and quotes in them doubled. */
final class CsvLines {
    private final String text;
    private int at;

    private CsvLines(String text) {
        this.text = text;
    }

    /**
     * The line that names columns, and the first or the last that follows it; empty lines are passed over.
     *
     * @return none, one or two lines.
     */
    static List<List<String>> firstAndLast(String text, boolean isFirst) {
        CsvLines lines = new CsvLines(text);
        List<List<String>> found = new ArrayList<>();
        for (List<String> line = lines.next(); line != null; line = lines.next()) {
            if (line.size() == 1 && line.getFirst().isEmpty()) {
                continue;
            }
            if (found.size() == 2) {
                found.set(1, line);
            } else {
                found.add(line);
            }
            if (isFirst && found.size() == 2) {
                return found;
            }
        }
        return found;
    }

    /** The next line; null at the end. */
    private List<String> next() {
        if (at >= text.length()) {
            return null;
        }
        List<String> fields = new ArrayList<>();
        while (true) {
            fields.add(field());
            if (at >= text.length()) {
                return fields;
            }
            char end = text.charAt(at++);
            if (end == '\r' && at < text.length() && text.charAt(at) == '\n') {
                at++;
            }
            if (end != ',') {
                return fields;
            }
        }
    }

    /** Up to the comma or the line's end, which is not taken. */
    private String field() {
        StringBuilder field = new StringBuilder();
        boolean isQuoted = at < text.length() && text.charAt(at) == '"';
        if (isQuoted) {
            at++;
        }
        while (at < text.length()) {
            char c = text.charAt(at);
            if (isQuoted && c == '"') {
                at++;
                if (at < text.length() && text.charAt(at) == '"') {
                    field.append('"');
                    at++;
                } else {
                    isQuoted = false;
                }
            } else if (!isQuoted && (c == ',' || c == '\n' || c == '\r')) {
                break;
            } else {
                field.append(c);
                at++;
            }
        }
        return field.toString();
    }
}
