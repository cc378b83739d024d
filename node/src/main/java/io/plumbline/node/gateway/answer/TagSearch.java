package io.plumbline.node.gateway.answer;

/** Finds a tag in text that comes character by character. What cannot be a part of it is let go at once. */
final class TagSearch {
    private final String tag;

    /** Characters at the end of the text that begin the tag. */
    private int matched;

    /** @param tag not empty. */
    TagSearch(String tag) {
        this.tag = tag;
    }

    /**
     * Takes the next character.
     *
     * @param out gets the characters that stand before the tag.
     * @return whether it completes the tag, which is then looked for anew.
     */
    boolean take(char next, StringBuilder out) {
        while (matched > 0 && tag.charAt(matched) != next) {
            int shorter = shorter();
            out.append(tag, 0, matched - shorter);
            matched = shorter;
        }
        if (tag.charAt(matched) != next) {
            out.append(next);
        } else if (++matched == tag.length()) {
            matched = 0;
            return true;
        }
        return false;
    }

    /** The longest end of what is matched, but for all of it, that begins the tag. */
    private int shorter() {
        int length = matched - 1;
        while (!tag.startsWith(tag.substring(matched - length, matched))) {
            length--;
        }
        return length;
    }

    /** Whether the end of the text may begin the tag. */
    boolean isMatching() {
        return matched > 0;
    }

    /** No more of the text comes: what was held back. */
    void finish(StringBuilder out) {
        out.append(tag, 0, matched);
        matched = 0;
    }
}
