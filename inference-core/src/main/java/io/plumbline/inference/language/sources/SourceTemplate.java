package io.plumbline.inference.language.sources;

import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A text with places for fields: a field's name in braces stands for what it holds, a brace written twice for itself.
 * Fields put in are not looked at again. Each field stands there once at most, or a short template would make a long
 * text of a file many times as long.
 *
 * @param text with names of fields in single braces.
 */
record SourceTemplate(String text) {
    /** Most characters of a template. */
    static final int MAX_CHARACTERS = 1024;

    /**
     * The text with its fields put in.
     *
     * @param what is filled in, for errors.
     * @param fields by their names.
     * @throws IllegalArgumentException where the template is too long, a brace stands alone, or a field is not there or
     *     there twice.
     */
    String filled(String what, SortedMap<String, String> fields) {
        if (text.length() > MAX_CHARACTERS) {
            throw new IllegalArgumentException(what + " has more than " + MAX_CHARACTERS + " characters.");
        }
        StringBuilder filled = new StringBuilder();
        SortedMap<String, String> left = new TreeMap<>(fields);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean isBrace = c == '{' || c == '}';
            if (isBrace && i + 1 < text.length() && text.charAt(i + 1) == c) {
                filled.append(c);
                i++;
            } else if (isBrace) {
                int end = text.indexOf('}', i);
                String field = c == '{' && end > 0 ? left.remove(text.substring(i + 1, end)) : null;
                if (field == null) {
                    throw new IllegalArgumentException(
                            what + " has, at character " + i + ", a brace that names no field, or one again: "
                                    + "write {" + String.join("}, {", fields.keySet())
                                    + "}, or a brace twice for itself.");
                }
                filled.append(field);
                i = end;
            } else {
                filled.append(c);
            }
        }
        return filled.toString();
    }
}
