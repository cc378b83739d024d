package io.plumbline.inference.tokenizer;

/**
 * Rewrites a template so that the Jinja library at hand reads it as the original does: white space around tags is taken out here, by
 * the rules that the Hugging Face libraries set (a line break after a block and blanks before one go, and so does whatever a minus
 * sign asks for), the arguments of {@code namespace} are put in parentheses, or an operator after one would end it, and a list is turned round by a
 * filter in place of a slice.
 */
final class JinjaSource {
    private JinjaSource() {}

    static String prepare(String source) {
        return parenthesized(trimmed(source)).replace("[::-1]", "|reverse");
    }

    private static String trimmed(String source) {
        StringBuilder out = new StringBuilder();
        int at = 0;
        boolean stripLeft = false;
        while (at < source.length()) {
            int tag = nextTag(source, at);
            String text = source.substring(at, tag);
            if (stripLeft) {
                text = text.stripLeading();
            }
            if (tag == source.length()) {
                out.append(text);
                break;
            }
            char kind = source.charAt(tag + 1);
            boolean minus = tag + 2 < source.length() && source.charAt(tag + 2) == '-';
            if (minus) {
                text = text.stripTrailing();
            } else if (kind != '{') {
                text = withoutIndent(text, out.isEmpty() || at == 0);
            }
            out.append(text);
            int end = endOf(source, tag, kind);
            boolean minusEnd = source.charAt(end - 3) == '-' && end - 3 > tag + 2;
            String inner = source.substring(tag + (minus ? 3 : 2), end - (minusEnd ? 3 : 2));
            if (kind != '#') {
                out.append('{')
                        .append(kind)
                        .append(inner)
                        .append(kind == '{' ? '}' : kind)
                        .append('}');
            }
            at = end;
            stripLeft = minusEnd;
            if (!minusEnd && kind != '{' && at < source.length() && source.charAt(at) == '\n') {
                at++;
            }
        }
        return out.toString();
    }

    private static int nextTag(String source, int from) {
        for (int i = from; i < source.length() - 1; i++) {
            if (source.charAt(i) == '{' && "{%#".indexOf(source.charAt(i + 1)) >= 0) {
                return i;
            }
        }
        return source.length();
    }

    /** Just after the tag that begins at {@code tag}; text in quotes ends none. */
    private static int endOf(String source, int tag, char kind) {
        String close = (kind == '{' ? '}' : kind) + "}";
        char quote = 0;
        for (int i = tag + 2; i < source.length(); i++) {
            char c = source.charAt(i);
            if (quote != 0) {
                if (c == '\\') {
                    i++;
                } else if (c == quote) {
                    quote = 0;
                }
            } else if (kind != '#' && (c == '\'' || c == '"')) {
                quote = c;
            } else if (source.startsWith(close, i)) {
                return i + 2;
            }
        }
        throw new IllegalArgumentException("The model's chat template has a tag without an end.");
    }

    /** Without blanks after the last line break: the tag that follows stands alone on its line so far. */
    private static String withoutIndent(String text, boolean first) {
        int lineBreak = text.lastIndexOf('\n');
        boolean blank = text.substring(lineBreak + 1).isBlank();
        return blank && (lineBreak >= 0 || first) ? text.substring(0, lineBreak + 1) : text;
    }

    private static String parenthesized(String source) {
        String call = "namespace(";
        StringBuilder out = new StringBuilder();
        int at = 0;
        for (int found = source.indexOf(call); found >= 0; found = source.indexOf(call, at)) {
            int i = found + call.length();
            out.append(source, at, i);
            int depth = 0;
            boolean inValue = false;
            for (; i < source.length() && depth >= 0; i++) {
                char c = source.charAt(i);
                depth += "([{".indexOf(c) >= 0 ? 1 : ")]}".indexOf(c) >= 0 ? -1 : 0;
                if ((c == ',' && depth == 0 || depth < 0) && inValue) {
                    out.append(')');
                    inValue = false;
                }
                out.append(c);
                if (c == '=' && depth == 0 && !inValue) {
                    out.append('(');
                    inValue = true;
                }
            }
            at = i;
        }
        return out.append(source.substring(at)).toString();
    }
}
