package io.plumbline.inference.language.template;

/** Escaping of texts for HTML, as the filter {@code escape} does it. Nothing is escaped unless a template asks. */
final class Html {
    private Html() {}

    static String escape(Budget budget, String text) {
        budget.reads(text.length());
        StringBuilder escaped = null;
        for (int i = 0; i < text.length(); i++) {
            String entity = entity(MarkedText.plain(text.charAt(i)));
            if (entity != null && escaped == null) {
                budget.characters(text.length());
                escaped = new StringBuilder(text.length() + 16).append(text, 0, i);
            }
            if (entity != null) {
                budget.characters(entity.length());
                escaped.append(entity);
            } else if (escaped != null) {
                escaped.append(text.charAt(i));
            }
        }
        return escaped == null ? text : escaped.toString();
    }

    private static String entity(char c) {
        return switch (c) {
            case '&' -> "&amp;";
            case '<' -> "&lt;";
            case '>' -> "&gt;";
            case '\'' -> "&#39;";
            case '"' -> "&#34;";
            default -> null;
        };
    }
}
