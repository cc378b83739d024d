package io.plumbline.inference.language.template;

/**
 * A name or an attribute that is not there. It prints as nothing, counts as false and has no items; any other use is an
 * error, whose message is put together only then.
 *
 * @param lacking the type of the object that lacks an attribute or an item, or null.
 * @param name that was looked for, or null.
 * @param reason in words where it is another one, or null.
 */
record Undefined(String lacking, String name, String reason) implements Value {
    static Undefined name(String name) {
        return new Undefined(null, name, null);
    }

    static Undefined attribute(Value object, String name) {
        return new Undefined(object.type(), name, null);
    }

    static Undefined item(Value object) {
        return new Undefined(object.type(), null, null);
    }

    static Undefined because(String reason) {
        return new Undefined(null, null, reason);
    }

    /** Why it is not there. */
    String what() {
        if (reason != null) {
            return reason;
        }
        if (lacking == null) {
            return "'" + name + "' is undefined.";
        }
        return "a " + lacking + " has no " + (name == null ? "such item." : "attribute '" + name + "'.");
    }

    Fault fault() {
        return Fault.value(what());
    }

    @Override
    public String type() {
        return "Undefined";
    }
}
