package io.plumbline.inference.language.template;

import io.plumbline.inference.language.template.Token.Kind;
import java.util.ArrayList;
import java.util.List;

/**
 * Cuts a template's source into text and tags. White space around tags goes as {@code trim_blocks} and
 * {@code lstrip_blocks} say: a block or a comment takes the line break after it and the blanks before it on its line, a
 * minus sign takes all white space on its side, a plus sign none. One line break at the end of the source does not
 * count.
 */
final class Lexer {
    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int at;
    private int line = 1;

    /** Whether the last tag ended with a line break, or nothing has come before: blanks that follow begin a line. */
    private boolean lineStarts = true;

    private Lexer(String source) {
        this.source = source;
    }

    /**
     * The tokens of {@code source}, the last of kind END.
     *
     * @throws Fault where a tag is not closed or holds what no expression does.
     */
    static List<Token> tokens(String source) {
        String normal = withLineFeeds(source);
        Lexer lexer = new Lexer(normal.endsWith("\n") ? normal.substring(0, normal.length() - 1) : normal);
        lexer.run();
        return lexer.tokens;
    }

    private static String withLineFeeds(String source) {
        return source.indexOf('\r') < 0 ? source : source.replace("\r\n", "\n").replace('\r', '\n');
    }

    private void run() {
        for (int tag = nextTag(); tag >= 0; tag = nextTag()) {
            char kind = source.charAt(tag + 1);
            int raw = kind == '%' ? afterWord(tag, "raw") : -1;
            textBefore(tag, kind != '{');
            if (raw >= 0 && signAt(raw - 3) != '+') {
                raw(raw);
            } else if (kind == '#') {
                comment();
            } else {
                new TagLexer(kind == '%').run();
            }
        }
        add(Kind.DATA, source.substring(at));
        add(Kind.END, "");
    }

    private int nextTag() {
        for (int i = source.indexOf('{', at); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
            char next = source.charAt(i + 1);
            if (next == '{' || next == '%' || next == '#') {
                return i;
            }
        }
        return -1;
    }

    private void add(Kind kind, String text) {
        if (kind != Kind.DATA || !text.isEmpty()) {
            tokens.add(new Token(kind, text, line));
        }
    }

    /**
     * Adds the text up to a tag, less the white space that the tag takes, and steps over the tag's opening and its
     * sign.
     */
    private void textBefore(int tag, boolean takesIndent) {
        int begin = at;
        char sign = signAt(tag + 2);
        int end = tag;
        if (sign == '-') {
            while (end > begin && Characters.isSpace(source.charAt(end - 1))) {
                end--;
            }
        } else if (sign != '+' && takesIndent) {
            int indent = beforeBlanks(begin, tag);
            if (indent > begin ? source.charAt(indent - 1) == '\n' : lineStarts) {
                end = indent;
            }
        }
        add(Kind.DATA, source.substring(begin, end));
        moveTo(tag + 2 + (sign == 0 ? 0 : 1));
    }

    /** Where the blanks that end at {@code to} begin, on the same line and not before {@code from}. */
    private int beforeBlanks(int from, int to) {
        int i = to;
        while (i > from && source.charAt(i - 1) != '\n' && Characters.isSpace(source.charAt(i - 1))) {
            i--;
        }
        return i;
    }

    private char signAt(int index) {
        char c = index < source.length() ? source.charAt(index) : 0;
        return c == '-' || c == '+' ? c : 0;
    }

    private void moveTo(int target) {
        for (int i = at; i < target; i++) {
            if (source.charAt(i) == '\n') {
                line++;
            }
        }
        at = target;
        lineStarts = at > 0 && source.charAt(at - 1) == '\n';
    }

    private int afterSpaces(int index) {
        int i = index;
        while (i < source.length() && Characters.isSpace(source.charAt(i))) {
            i++;
        }
        return i;
    }

    /**
     * Just after the end of a tag at {@code index}, with the white space that it takes; -1 where there is no such end.
     */
    private int afterEnd(int index, String end, boolean takesLineBreak) {
        if (source.startsWith(end, index)) {
            int after = index + end.length();
            return takesLineBreak && source.startsWith("\n", after) ? after + 1 : after;
        }
        char sign = signAt(index);
        if (sign == 0 || !source.startsWith(end, index + 1) || sign == '+' && !takesLineBreak) {
            return -1;
        }
        int after = index + 1 + end.length();
        return sign == '-' ? afterSpaces(after) : after;
    }

    private void comment() {
        int end = source.indexOf("#}", at);
        if (end < 0) {
            throw Fault.syntax(line, "the comment that begins here has no end.");
        }
        int sign = end > at && signAt(end - 1) != 0 ? 1 : 0;
        moveTo(afterEnd(end - sign, "#}", true));
    }

    /**
     * Where the tag {@code {% word %}} at {@code tag} ends, without white space that it takes; -1 where it is another
     * tag.
     */
    private int afterWord(int tag, String word) {
        int i = afterSpaces(tag + 2 + (signAt(tag + 2) == 0 ? 0 : 1));
        if (!source.startsWith(word, i)) {
            return -1;
        }
        i = afterSpaces(i + word.length());
        int sign = signAt(i) == 0 ? 0 : 1;
        return source.startsWith("%}", i + sign) ? i + sign + 2 : -1;
    }

    private void raw(int begin) {
        int opened = line;
        moveTo(source.charAt(begin - 3) == '-' ? afterSpaces(begin) : begin);
        for (int tag = source.indexOf("{%", at); tag >= 0; tag = source.indexOf("{%", tag + 1)) {
            int after = afterWord(tag, "endraw");
            if (after >= 0) {
                textBefore(tag, true);
                moveTo(afterEnd(after - 2 - (signAt(after - 3) == 0 ? 0 : 1), "%}", true));
                return;
            }
        }
        throw Fault.syntax(opened, "the raw block that begins here has no {% endraw %}.");
    }

    /** The inside of one tag. */
    private final class TagLexer {
        private final boolean block;
        private final String end;

        /** Brackets that are open, by what closes them: braces within a tag do not end it. */
        private final StringBuilder open = new StringBuilder();

        TagLexer(boolean block) {
            this.block = block;
            this.end = block ? "%}" : "}}";
        }

        void run() {
            add(block ? Kind.BLOCK_BEGIN : Kind.PRINT_BEGIN, "");
            while (at < source.length()) {
                int after = open.isEmpty() ? afterEnd(at, end, block) : -1;
                if (after >= 0) {
                    add(block ? Kind.BLOCK_END : Kind.PRINT_END, "");
                    moveTo(after);
                    return;
                }
                int space = afterSpaces(at);
                if (space > at) {
                    moveTo(space);
                } else {
                    token();
                }
            }
        }

        private void token() {
            char c = source.charAt(at);
            int number = Characters.isDigit(c) ? NumberLiteral.end(source, at) : -1;
            if (number >= 0) {
                boolean whole = NumberLiteral.isWhole(source, at, number);
                take(whole ? Kind.INTEGER : Kind.FLOAT, number);
            } else if (Characters.isNamePart(source.codePointAt(at))) {
                name();
            } else if (c == '\'' || c == '"') {
                string(c);
            } else {
                symbol(c);
            }
        }

        private void take(Kind kind, int to) {
            add(kind, source.substring(at, to));
            moveTo(to);
        }

        private void name() {
            int first = source.codePointAt(at);
            if (!Characters.isNameStart(first)) {
                throw Fault.syntax(line, "no name begins with '" + Character.toString(first) + "'.");
            }
            int i = at;
            while (i < source.length() && Characters.isNamePart(source.codePointAt(i))) {
                i += Character.charCount(source.codePointAt(i));
            }
            take(Kind.NAME, i);
        }

        private void string(char quote) {
            int i = at + 1;
            while (i < source.length() && source.charAt(i) != quote) {
                i += source.charAt(i) == '\\' ? 2 : 1;
            }
            if (i >= source.length()) {
                throw Fault.syntax(line, "the string that begins here has no end.");
            }
            add(Kind.STRING, StringLiteral.value(source.substring(at + 1, i), line));
            moveTo(i + 1);
        }

        private void symbol(char c) {
            Symbol symbol = Symbol.at(source, at);
            if (symbol == null) {
                throw Fault.syntax(line, "'" + Character.toString(source.codePointAt(at)) + "' has no meaning here.");
            }
            balance(c);
            tokens.add(new Token(Kind.SYMBOL, symbol.sign(), symbol, line));
            moveTo(at + symbol.sign().length());
        }

        private void balance(char c) {
            int opening = "([{".indexOf(c);
            if (opening >= 0) {
                open.append(")]}".charAt(opening));
            } else if (")]}".indexOf(c) >= 0) {
                int last = open.length() - 1;
                if (last < 0 || open.charAt(last) != c) {
                    throw Fault.syntax(
                            line,
                            "'" + c + "' closes nothing" + (last < 0 ? "." : "; '" + open.charAt(last) + "' should."));
                }
                open.setLength(last);
            }
        }
    }
}
