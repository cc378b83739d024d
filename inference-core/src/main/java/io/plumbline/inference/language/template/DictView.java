package io.plumbline.inference.language.template;

/** The keys, values or items of a dict, as its methods give them. */
record DictView(DictValue dict, Part part) implements Value {
    enum Part {
        KEYS,
        VALUES,
        ITEMS
    }

    @Override
    public String type() {
        return switch (part) {
            case KEYS -> "dict_keys";
            case VALUES -> "dict_values";
            case ITEMS -> "dict_items";
        };
    }
}
