package io.plumbline.inference.language.template;

/** Operators between two numbers, texts or lists. */
enum ArithmeticOperator {
    ADD(Symbol.PLUS),
    SUBTRACT(Symbol.MINUS),
    MULTIPLY(Symbol.TIMES),
    DIVIDE(Symbol.DIVIDE),
    FLOOR_DIVIDE(Symbol.FLOOR_DIVIDE),
    MODULO(Symbol.PERCENT),
    POWER(Symbol.POWER);

    private final Symbol symbol;

    ArithmeticOperator(Symbol symbol) {
        this.symbol = symbol;
    }

    Symbol symbol() {
        return symbol;
    }
}
