package io.plumbline.node.attack;

/**
 * One scripted cheat.
 *
 * @param family for the table.
 * @param cheat what is done, in a sentence.
 * @param caught what must come of it: a step's name, or words of a refusal.
 * @param run carries it out and says what came of it.
 */
record Attack(String family, String cheat, String caught, Run run) {
    /** Says how the cheat was met; "good" where it was not noticed. */
    @FunctionalInterface
    interface Run {
        String outcome() throws Exception;
    }
}
