package io.plumbline.inference.language.template;

import java.util.List;

/** {@code format % values}, as C and Python have it: {@code %s}, {@code %d}, {@code %.2f}, {@code %(name)s}. */
final class PercentFormat {
    private final Budget budget;
    private final Texts texts;

    PercentFormat(Budget budget, Texts texts) {
        this.budget = budget;
        this.texts = texts;
    }

    TextValue apply(TextValue format, Value values) {
        Run run = new Run(format, values);
        budget.characters(format.text().length());
        return format.alike(run.run());
    }

    /** One use of one format. */
    private final class Run {
        private final String format;
        private final boolean safe;
        private final Value values;
        private final List<Value> listed;
        private final StringBuilder out = new StringBuilder();
        private int at;
        private int used;

        Run(TextValue format, Value values) {
            this.format = format.text();
            this.safe = format.isSafe();
            this.values = values;
            this.listed = values instanceof TupleValue tuple ? tuple.items() : List.of(values);
        }

        String run() {
            while (at < format.length()) {
                char c = format.charAt(at++);
                if (c == '%') {
                    conversion();
                } else {
                    out.append(c);
                }
            }
            if (used < listed.size() && !isMapping()) {
                throw Fault.value("a format with '%' uses fewer values than it is given.");
            }
            return out.toString();
        }

        /** Values that Python takes for a mapping may be left unused. */
        private boolean isMapping() {
            return switch (values) {
                case DictValue dict -> true;
                case ListValue list -> true;
                case RangeValue range -> true;
                case Undefined undefined -> true;
                default -> false;
            };
        }

        private char current() {
            if (at >= format.length()) {
                throw Fault.value("a format ends within a '%'.");
            }
            return format.charAt(at);
        }

        private Value next() {
            if (used >= listed.size()) {
                throw Fault.value("a format with '%' needs more values than it is given.");
            }
            return listed.get(used++);
        }

        private void conversion() {
            Value named = current() == '(' ? named() : null;
            boolean left = false;
            boolean zero = false;
            boolean alternate = false;
            char sign = '-';
            for (; "-+ #0".indexOf(current()) >= 0; at++) {
                switch (current()) {
                    case '-' -> left = true;
                    case '0' -> zero = true;
                    case '#' -> alternate = true;
                    case '+' -> sign = '+';
                    default -> sign = sign == '+' ? sign : ' ';
                }
            }
            int width = size();
            left |= width < 0;
            int precision = -1;
            if (current() == '.') {
                at++;
                precision = Math.max(0, size());
            }
            while ("hlL".indexOf(current()) >= 0) {
                at++;
            }
            char type = current();
            at++;
            if (type == '%') {
                out.append('%');
                return;
            }
            boolean number = "sra".indexOf(type) < 0 && type != 'c';
            boolean filled = zero && number && !left;
            FormatSpec spec = new FormatSpec(
                    filled ? '0' : ' ',
                    left ? '<' : filled ? '=' : '>',
                    sign,
                    alternate,
                    Math.abs(width),
                    (char) 0,
                    precision,
                    type);
            append(spec, named == null ? next() : named);
        }

        private Value named() {
            int end = at + 1;
            for (int open = 1; open > 0; end++) {
                if (end >= format.length()) {
                    throw Fault.value("a format ends within a '%('.");
                }
                open += format.charAt(end) == '(' ? 1 : format.charAt(end) == ')' ? -1 : 0;
            }
            String name = format.substring(at + 1, end - 1);
            at = end;
            Value value = values instanceof DictValue dict ? dict.get(name) : null;
            if (value == null) {
                throw Fault.value("a format names '" + name + "', which it is not given.");
            }
            return value;
        }

        private int size() {
            if (current() == '*') {
                at++;
                int size = Numbers.index(next(), "a width of a format", 0);
                FormatSpec.checked(Math.abs(size));
                return size;
            }
            int size = 0;
            for (; Characters.isDigit(current()); at++) {
                size = FormatSpec.checked(size * 10 + current() - '0');
            }
            return size;
        }

        private void append(FormatSpec spec, Value value) {
            String text = switch (spec.type()) {
                case 's' -> spec.text(budget, escaped(value, texts.text(value)));
                case 'r', 'a' -> spec.text(budget, escaped(null, texts.represent(value)));
                case 'd', 'i', 'u', 'o', 'x', 'X' -> spec.whole(budget, whole(value, spec.type()));
                case 'e', 'E', 'f', 'F', 'g', 'G' -> spec.real(budget, real(value, spec.type()));
                case 'c' -> spec.text(budget, character(value));
                default -> throw Fault.value("a format has no type '" + spec.type() + "'.");
            };
            budget.characters(text.length());
            out.append(text);
        }

        private String escaped(Value value, String text) {
            boolean plain = !safe || value instanceof TextValue already && already.isSafe();
            return plain ? text : Html.escape(budget, text);
        }

        private long whole(Value value, char type) {
            if (Numbers.isWhole(value)) {
                return Numbers.whole(value);
            }
            boolean decimal = type == 'd' || type == 'i' || type == 'u';
            if (decimal && value instanceof FloatValue number && Math.abs(number.value()) < Long.MAX_VALUE) {
                return (long) number.value();
            }
            throw Fault.value("'%" + type + "' takes a whole number, not a " + value.type() + ".");
        }

        private double real(Value value, char type) {
            if (Numbers.isNumber(value)) {
                return Numbers.real(value);
            }
            throw Fault.value("'%" + type + "' takes a number, not a " + value.type() + ".");
        }

        private String character(Value value) {
            if (value instanceof TextValue text && text.length(budget) == 1) {
                return text.text();
            }
            if (Numbers.isWhole(value)
                    && Character.isValidCodePoint(Math.clamp(Numbers.whole(value), -1, Integer.MAX_VALUE))) {
                return Character.toString((int) Numbers.whole(value));
            }
            throw Fault.value("'%c' takes one character, not a " + value.type() + ".");
        }
    }
}
