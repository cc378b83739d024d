package io.plumbline.node.cli;

import java.io.IOException;
import java.util.List;

/** Options that a process cannot be started with: starting it again with the same ones is of no use. */
public final class WrongOptionsException extends IOException {
    private static final long serialVersionUID = 1;

    private final transient List<String> faults;

    /** @param faults one or more sentences, each of which names its option or file. */
    public WrongOptionsException(List<String> faults) {
        super(String.join(" ", faults));
        this.faults = List.copyOf(faults);
    }

    /** Each fault, in words. */
    public List<String> faults() {
        return faults;
    }
}
