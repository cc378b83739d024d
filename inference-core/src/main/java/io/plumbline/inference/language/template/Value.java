package io.plumbline.inference.language.template;

/**
 * What an expression can be: Python's values, as far as templates meet them. Lists and dicts do not change once made,
 * as Jinja2's immutable sandbox demands; only a {@link Namespace}, an iterator and a few helpers do. No value leads to
 * an object of the caller.
 */
sealed interface Value
        permits NoneValue,
                BoolValue,
                IntValue,
                FloatValue,
                TextValue,
                ListValue,
                TupleValue,
                DictValue,
                DictView,
                RangeValue,
                Undefined,
                Namespace,
                Generator,
                Cycler,
                Callable {
    /** Python's name of the type, for messages. */
    String type();
}
