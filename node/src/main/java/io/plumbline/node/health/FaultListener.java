package io.plumbline.node.health;

/** Hears of faults that a role cannot go on after. Any thread may call; the first fault counts. */
@FunctionalInterface
public interface FaultListener {
    /**
     * Ends the process.
     *
     * @param code that it ends with.
     * @param why for the operator; null where it was said before.
     */
    void onFault(ExitCode code, Throwable why);
}
