package io.plumbline.node.gateway.grammar;

import io.plumbline.verifier.grammar.Gbnf;
import io.plumbline.verifier.grammar.Grammar;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * A regular expression as a grammar: what ECMAScript, Python and Java write alike, matched against a whole text. What
 * looks ahead or back, refers to a group, or sets flags is refused by name.
 */
public final class RegexGrammar {
    private static final int MAX_NESTING = 60;

    /** How often a part comes, as it is taken; and what looks so and is taken neither for a count nor for itself. */
    private static final Pattern COUNT = Pattern.compile("\\{[0-9]{1,6}(,[0-9]{0,6})?}");

    private static final Pattern LIKE_COUNT = Pattern.compile("\\{([0-9]+,?[0-9]*|,[0-9]*)}");

    /** How characters are written in the text that is matched. */
    interface Spelling {
        /** A grammar's expression for one character of a set; null where there is none. */
        String oneOf(CharacterSet set);
    }

    /** As they are. */
    private static final Spelling PLAIN = set -> set.isEmpty() ? null : set.gbnf();

    private final String regex;
    private final Spelling spelling;
    private int at;
    private int nesting;

    private RegexGrammar(String regex, Spelling spelling) {
        this.regex = regex;
        this.spelling = spelling;
    }

    /**
     * The grammar of the texts that {@code regex} matches whole.
     *
     * @throws IllegalArgumentException naming what of it is not supported, and where.
     */
    public static String of(String regex) {
        return "root ::= " + expression(regex, PLAIN) + "\n";
    }

    /** The expression for these texts, in parentheses, spelled otherwise. */
    static String expression(String regex, Spelling spelling) {
        if (regex.length() > Grammar.MAX_BYTES) {
            throw new IllegalArgumentException("A regular expression has at most " + Grammar.MAX_BYTES
                    + " characters, as the grammar that it becomes.");
        }
        RegexGrammar reader = new RegexGrammar(regex, spelling);
        String all = reader.alternatives();
        if (reader.at < regex.length()) {
            throw reader.wrong("a ) has no group");
        }
        return all;
    }

    private String alternatives() {
        if (++nesting > MAX_NESTING) {
            throw wrong("groups stand more than " + MAX_NESTING + " deep within each other");
        }
        List<String> all = new ArrayList<>();
        do {
            all.add(sequence());
        } while (take("|"));
        nesting--;
        return "(" + String.join(" | ", all) + ")";
    }

    private String sequence() {
        StringBuilder all = new StringBuilder();
        int begin = at;
        while (at < regex.length() && regex.charAt(at) != '|' && regex.charAt(at) != ')') {
            if (take("^")) {
                if (at != begin + 1) {
                    throw wrong("^ stands within a text");
                }
                continue;
            }
            if (take("$")) {
                if (at < regex.length() && regex.charAt(at) != '|' && regex.charAt(at) != ')') {
                    throw wrong("$ stands within a text");
                }
                continue;
            }
            all.append(repeated(part())).append(' ');
        }
        return all.isEmpty() ? "\"\"" : all.toString().strip();
    }

    private String repeated(String part) {
        String all;
        if (take("*")) {
            all = Gbnf.repeated(part, 0, -1);
        } else if (take("+")) {
            all = Gbnf.repeated(part, 1, -1);
        } else if (take("?")) {
            all = Gbnf.repeated(part, 0, 1);
        } else if (isCount()) {
            all = counted(part);
        } else {
            return part;
        }
        // Which of several readings is tried first is nothing to a grammar.
        take("?");
        if (at < regex.length() && regex.charAt(at) == '+') {
            throw wrong("possessive repeats are not supported");
        }
        if (isCount() || at < regex.length() && "*?".indexOf(regex.charAt(at)) >= 0) {
            throw wrong("a repeat stands behind another");
        }
        return all;
    }

    private boolean isCount() {
        return COUNT.matcher(regex).region(at, regex.length()).lookingAt();
    }

    private String counted(String part) {
        int end = regex.indexOf('}', at);
        String[] counts = regex.substring(at + 1, end).split(",", -1);
        long least = Long.parseLong(counts[0]);
        long most = counts.length == 1 ? least : counts[1].isEmpty() ? -1 : Long.parseLong(counts[1]);
        if (most >= 0 && most < least) {
            throw wrong("a count's end is below its beginning");
        }
        at = end + 1;
        return Gbnf.repeated(part, least, most);
    }

    private String part() {
        if (take("(")) {
            if (take("?:")) {
                return closed(alternatives());
            }
            if (take("?")) {
                if (regex.startsWith("<", at) && !regex.startsWith("<=", at) && !regex.startsWith("<!", at)
                        || regex.startsWith("P<", at)) {
                    int end = regex.indexOf('>', at);
                    if (end < 0) {
                        throw wrong("a group's name does not end");
                    }
                    at = end + 1;
                    return closed(alternatives());
                }
                throw wrong("(?" + regex.substring(at, Math.min(regex.length(), at + 2)) + " is not supported");
            }
            return closed(alternatives());
        }
        if (take("[")) {
            return spelled(characters());
        }
        if (take(".")) {
            return spelled(CharacterSet.NO_LINE_END);
        }
        if ("*+?".indexOf(regex.charAt(at)) >= 0) {
            throw wrong("nothing stands before " + regex.charAt(at));
        }
        if (LIKE_COUNT.matcher(regex).region(at, regex.length()).lookingAt()) {
            throw wrong("a count has one to six digits, then perhaps a comma and as many, and stands behind a part");
        }
        if (take("\\")) {
            CharacterSet set = classOf();
            return spelled(set == null ? single(escaped()) : set);
        }
        return spelled(single(next()));
    }

    private String closed(String group) {
        if (!take(")")) {
            throw wrong("a group's ) is missing");
        }
        return group;
    }

    private String spelled(CharacterSet set) {
        String one = spelling.oneOf(set);
        if (one == null) {
            throw wrong("no character is left of a class");
        }
        return one;
    }

    private static CharacterSet single(int c) {
        return CharacterSet.of(c, c);
    }

    private CharacterSet characters() {
        boolean isOthers = take("^");
        List<int[]> ranges = new ArrayList<>();
        boolean isFirst = true;
        while (isFirst || !regex.startsWith("]", at)) {
            if (at >= regex.length()) {
                throw wrong("a class's ] is missing");
            }
            isFirst = false;
            CharacterSet inner = null;
            int first = -1;
            if (take("\\")) {
                inner = classOf();
                first = inner == null ? take("b") ? '\b' : escaped() : -1;
            } else {
                first = next();
            }
            if (inner != null) {
                if (inner.isOthers()) {
                    throw wrong("\\D, \\W and \\S are not supported within a class");
                }
                ranges.addAll(inner.ranges());
                continue;
            }
            int last = first;
            if (regex.startsWith("-", at) && !regex.startsWith("-]", at)) {
                at++;
                last = take("\\") ? escaped() : next();
            }
            if (last < first) {
                throw wrong("a class's range ends before it begins");
            }
            ranges.add(new int[] {first, last});
        }
        at++;
        return new CharacterSet(List.copyOf(ranges), isOthers);
    }

    /** The class that a backslash and the next letter stand for; null, and nothing is taken, where it is none. */
    private CharacterSet classOf() {
        CharacterSet set = at == regex.length()
                ? null
                : switch (regex.charAt(at)) {
                    case 'd' -> CharacterSet.DIGITS;
                    case 'D' -> CharacterSet.DIGITS.complement();
                    case 'w' -> CharacterSet.WORD;
                    case 'W' -> CharacterSet.WORD.complement();
                    case 's' -> CharacterSet.SPACE;
                    case 'S' -> CharacterSet.SPACE.complement();
                    default -> null;
                };
        at += set == null ? 0 : 1;
        return set;
    }

    private int escaped() {
        if (at == regex.length()) {
            throw wrong("it ends with a backslash");
        }
        int c = next();
        return switch (c) {
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'f' -> '\f';
            case 'v' -> '\u000B';
            case 'x' -> hexadecimal(2);
            case 'u' -> hexadecimal(4);
            default -> {
                if (Character.isLetterOrDigit(c)) {
                    throw wrong("\\" + Character.toString(c) + " is not supported");
                }
                yield c;
            }
        };
    }

    private int hexadecimal(int digits) {
        String hex = regex.substring(at, Math.min(regex.length(), at + digits));
        if (!hex.matches("[0-9A-Fa-f]{" + digits + "}")) {
            throw wrong(digits + " hexadecimal digits are missing");
        }
        at += digits;
        int c = Integer.parseInt(hex, 16);
        if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
            throw wrong("half of a character stands in it");
        }
        return c;
    }

    private int next() {
        int c = regex.codePointAt(at);
        if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
            throw wrong("half of a character stands in it");
        }
        at += Character.charCount(c);
        return c;
    }

    private boolean take(String symbol) {
        if (!regex.startsWith(symbol, at)) {
            return false;
        }
        at += symbol.length();
        return true;
    }

    private IllegalArgumentException wrong(String what) {
        return new IllegalArgumentException(
                "The regular expression cannot be followed at character " + (at + 1) + ": " + what + ".");
    }
}
