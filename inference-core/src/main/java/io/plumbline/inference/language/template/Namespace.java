package io.plumbline.inference.language.template;

/** What {@code namespace(…)} makes: names that inner blocks can set for outer ones. */
final class Namespace implements Value {
    private final DictValue attributes;

    Namespace(DictValue attributes) {
        this.attributes = attributes;
    }

    DictValue attributes() {
        return attributes;
    }

    @Override
    public String type() {
        return "Namespace";
    }
}
