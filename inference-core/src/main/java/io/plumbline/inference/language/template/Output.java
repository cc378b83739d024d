package io.plumbline.inference.language.template;

/** Text as a template makes it: the prompt, or what a macro or a block gives. */
final class Output {
    private final Budget budget;
    private final StringBuilder text = new StringBuilder();

    Output(Budget budget) {
        this.budget = budget;
    }

    void append(String more) {
        budget.characters(more.length());
        long most = budget.limits().outputCharacters();
        if (text.length() + (long) more.length() > most) {
            throw Fault.limit("it makes more than " + most + " characters.");
        }
        text.append(more);
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
