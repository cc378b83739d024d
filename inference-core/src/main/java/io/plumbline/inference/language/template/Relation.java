package io.plumbline.inference.language.template;

/** Comparisons. */
enum Relation {
    EQUAL("=="),
    NOT_EQUAL("!="),
    LESS("<"),
    LESS_OR_EQUAL("<="),
    GREATER(">"),
    GREATER_OR_EQUAL(">="),
    IN("in"),
    NOT_IN("not in");

    private final String sign;

    Relation(String sign) {
        this.sign = sign;
    }

    /** The relation that a symbol means; null where it means none. */
    static Relation of(Symbol symbol) {
        return switch (symbol) {
            case EQUAL -> EQUAL;
            case NOT_EQUAL -> NOT_EQUAL;
            case LESS -> LESS;
            case LESS_OR_EQUAL -> LESS_OR_EQUAL;
            case GREATER -> GREATER;
            case GREATER_OR_EQUAL -> GREATER_OR_EQUAL;
            case null, default -> null;
        };
    }

    @Override
    public String toString() {
        return sign;
    }
}
