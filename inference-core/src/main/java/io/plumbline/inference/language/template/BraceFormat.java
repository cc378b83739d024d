package io.plumbline.inference.language.template;

/** {@code "{} and {name}".format(…)}. */
final class BraceFormat {
    private final Interpreter interpreter;
    private final Budget budget;

    BraceFormat(Interpreter interpreter) {
        this.interpreter = interpreter;
        this.budget = interpreter.budget();
    }

    TextValue format(TextValue format, Arguments arguments) {
        return format.alike(new Run(arguments, null).run(format.text(), 2));
    }

    TextValue formatMap(TextValue format, Value map) {
        return format.alike(new Run(Arguments.NONE, map).run(format.text(), 2));
    }

    /** One use of one format. */
    private final class Run {
        private final Arguments arguments;
        private final Value map;
        private int automatic;
        private boolean numbered;

        Run(Arguments arguments, Value map) {
            this.arguments = arguments;
            this.map = map;
        }

        /** @param levels of fields in the formats of fields that may follow. */
        String run(String format, int levels) {
            if (levels == 0) {
                throw Fault.value("a format has fields within the fields of its fields.");
            }
            budget.characters(format.length());
            StringBuilder out = new StringBuilder();
            for (int at = 0; at < format.length(); at++) {
                char c = format.charAt(at);
                if (c != '{' && c != '}') {
                    out.append(c);
                } else if (at + 1 < format.length() && format.charAt(at + 1) == c) {
                    out.append(c);
                    at++;
                } else if (c == '}') {
                    throw Fault.value("a format has a '}' that closes nothing.");
                } else {
                    int end = end(format, at);
                    String text = field(format.substring(at + 1, end), levels);
                    budget.characters(text.length());
                    out.append(text);
                    at = end;
                }
            }
            return out.toString();
        }

        private int end(String format, int begin) {
            int open = 0;
            for (int i = begin; i < format.length(); i++) {
                char c = format.charAt(i);
                open += c == '{' ? 1 : c == '}' ? -1 : 0;
                if (open == 0) {
                    return i;
                }
            }
            throw Fault.value("a format has a '{' that is not closed.");
        }

        /** {@code name!conversion:spec}. */
        private String field(String field, int levels) {
            int name = 0;
            for (boolean bracket = false; name < field.length(); name++) {
                char c = field.charAt(name);
                bracket = c == '[' || bracket && c != ']';
                if (!bracket && (c == '!' || c == ':')) {
                    break;
                }
            }
            Value value = value(field.substring(0, name));
            String rest = field.substring(name);
            if (rest.startsWith("!")) {
                if (rest.length() < 2 || rest.length() > 2 && rest.charAt(2) != ':') {
                    throw Fault.value("a format has a '!' without r, s or a.");
                }
                value = converted(value, rest.charAt(1));
                rest = rest.substring(2);
            }
            String spec = rest.isEmpty() ? "" : rest.substring(1);
            return formatted(value, spec.indexOf('{') < 0 ? spec : run(spec, levels - 1));
        }

        private Value converted(Value value, char conversion) {
            return switch (conversion) {
                case 's' -> TextValue.of(interpreter.texts().text(value));
                case 'r', 'a' -> TextValue.of(interpreter.texts().represent(value));
                default -> throw Fault.value("a format has no conversion '" + conversion + "'.");
            };
        }

        private Value value(String field) {
            int end = 0;
            while (end < field.length() && field.charAt(end) != '.' && field.charAt(end) != '[') {
                end++;
            }
            Value value = first(field.substring(0, end));
            while (end < field.length()) {
                boolean bracket = field.charAt(end) == '[';
                int from = end + 1;
                int to = from;
                while (to < field.length()
                        && (bracket ? field.charAt(to) != ']' : field.charAt(to) != '.' && field.charAt(to) != '[')) {
                    to++;
                }
                String part = field.substring(from, to);
                if (part.isEmpty() || bracket && to == field.length()) {
                    throw Fault.value("a format has the field '" + field + "', which cannot be read.");
                }
                value = bracket
                        ? interpreter
                                .attributes()
                                .item(value, isIndex(part) ? IntValue.of(Long.parseLong(part)) : TextValue.of(part))
                        : interpreter.attributes().get(value, part);
                end = bracket ? to + 1 : to;
            }
            return value;
        }

        private static boolean isIndex(String part) {
            return part.length() <= 9 && part.chars().allMatch(c -> Characters.isDigit((char) c));
        }

        private Value first(String name) {
            if (map != null) {
                return required(name, interpreter.attributes().item(map, TextValue.of(name)));
            }
            boolean index = !name.isEmpty() && isIndex(name);
            if (!name.isEmpty() && !index) {
                return required(name, arguments.named().get(name));
            }
            if (index && automatic > 0 || !index && numbered) {
                throw Fault.value("a format numbers some of its fields and not others.");
            }
            numbered |= index;
            int place = index ? Integer.parseInt(name) : automatic++;
            return required(
                    name,
                    place < arguments.positional().size()
                            ? arguments.positional().get(place)
                            : null);
        }

        private static Value required(String name, Value value) {
            if (value == null) {
                throw Fault.value("a format has the field '" + name + "', which it is not given.");
            }
            return value;
        }

        private String formatted(Value value, String text) {
            if (text.isEmpty()) {
                return interpreter.texts().text(value);
            }
            FormatSpec spec = FormatSpec.parse(text);
            char type = spec.type();
            if (value instanceof TextValue string && (type == 0 || type == 's') && spec.align() != '=') {
                return spec.text(budget, string.text());
            }
            boolean real = type != 0 && "eEfFgG%".indexOf(type) >= 0;
            if (Numbers.isWhole(value) && !(value instanceof BoolValue && type == 0) && !real && spec.precision() < 0) {
                if (type == 'c') {
                    return spec.text(
                            budget, Character.toString(Math.clamp(Numbers.whole(value), 0, Character.MAX_CODE_POINT)));
                }
                if (type == 0 || "dnxXob".indexOf(type) >= 0) {
                    return spec.whole(budget, Numbers.whole(value));
                }
            }
            if (Numbers.isNumber(value) && (real || value instanceof FloatValue && (type == 0 || type == 'n'))) {
                return spec.real(budget, Numbers.real(value));
            }
            if (value instanceof BoolValue bool && type == 0) {
                return spec.whole(budget, Numbers.whole(bool));
            }
            throw Fault.value("a format cannot write a " + value.type() + " as '" + text + "'.");
        }
    }
}
