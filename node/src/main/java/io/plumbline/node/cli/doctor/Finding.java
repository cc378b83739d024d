package io.plumbline.node.cli.doctor;

/**
 * One thing about a host.
 *
 * @param what was looked at, in one or two words.
 * @param fitness how well it suits.
 * @param found what it is, in a sentence.
 * @param mend the command or the step that mends it; empty where nothing is to be mended.
 */
record Finding(String what, Fitness fitness, String found, String mend) {
    /** From well to not at all. */
    enum Fitness {
        OK,
        /** It works, slower or with less margin than it should. */
        WARNING,
        /** A role would not start, or not do its work. */
        UNFIT
    }

    static Finding ok(String what, String found) {
        return new Finding(what, Fitness.OK, found, "");
    }

    static Finding warning(String what, String found, String mend) {
        return new Finding(what, Fitness.WARNING, found, mend);
    }

    static Finding unfit(String what, String found, String mend) {
        return new Finding(what, Fitness.UNFIT, found, mend);
    }
}
