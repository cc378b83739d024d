package io.plumbline.client;

/**
 * The reasoning and the content of a message of Gemma 4, whose reasoning stands in channels. In some vocabularies the
 * marks around one are text, and then the signed text says it all. In the others they are control tokens: of a channel
 * its name alone is left in the text, and not where it ends.
 */
final class SignedChannels {
    private static final String OPENING = "<|channel>";
    private static final String CLOSING = "<channel|>";

    /** Begins what a tool is to answer, and says nothing at the end. */
    private static final String RESPONSE = "<|tool_response>";

    /** The channel's name, and the end of its line. */
    private static final String LABEL = "thought\n";

    private SignedChannels() {}

    /** Whether reasoning and content are what the text says. */
    static boolean isOf(String signed, String reasoning, String content) {
        return isMarked(signed, reasoning, content) || isUnmarked(signed, reasoning, content);
    }

    private static boolean isMarked(String text, String reasoning, String content) {
        boolean isForTools = text.endsWith(RESPONSE);
        if (!text.contains(OPENING) && !text.contains(CLOSING) && !isForTools) {
            return false;
        }
        String signed = isForTools ? text.substring(0, text.length() - RESPONSE.length()) : text;
        StringBuilder thought = new StringBuilder();
        StringBuilder said = new StringBuilder();
        boolean hasText = false;
        for (int at = 0; at <= signed.length(); ) {
            int opening = signed.indexOf(OPENING, at);
            // One that closes no channel says nothing.
            String outside = signed.substring(at, opening < 0 ? signed.length() : opening)
                    .replace(CLOSING, "");
            said.append(at > 0 && !hasText ? outside.stripLeading() : outside);
            hasText |= !outside.isBlank();
            if (opening < 0) {
                break;
            }
            int begin = opening + OPENING.length();
            int closing = signed.indexOf(CLOSING, begin);
            boolean isCut = closing < 0;
            String inside = inside(signed.substring(begin, isCut ? signed.length() : closing), isCut);
            thought.append(thought.isEmpty() || inside.isEmpty() ? "" : "\n").append(inside);
            at = isCut ? signed.length() + 1 : closing + CLOSING.length();
        }
        return reasoning.contentEquals(thought) && content.contentEquals(said);
    }

    /** The text of a channel, without its name and blanks around it. */
    private static String inside(String channel, boolean isCut) {
        if (isCut && LABEL.startsWith(channel) || channel.equals(LABEL.strip())) {
            return "";
        }
        return (channel.startsWith(LABEL) ? channel.substring(LABEL.length()) : channel).strip();
    }

    /** A channel that says nothing, before the content or behind it, or that the answer ends in. */
    private static boolean isUnmarked(String signed, String reasoning, String content) {
        if (reasoning.isEmpty() && signed.equals(content + LABEL)) {
            return true;
        }
        if (!signed.startsWith(LABEL)) {
            return false;
        }
        String rest = signed.substring(LABEL.length());
        return reasoning.isEmpty()
                ? content.equals(rest.stripLeading())
                : content.isEmpty() && reasoning.equals(rest.strip());
    }
}
