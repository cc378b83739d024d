package io.plumbline.verifier.audit;

/**
 * What came of an audit.
 *
 * @param level that was asked for.
 * @param counts of what was checked, up to the failure if there is one.
 * @param cpuNanos of the auditing thread.
 * @param work digest of what only the check computes, over what all auditors of the answer check; null where
 *     something failed, or nothing common was checked.
 * @param failure the first one, or null when the answer is good.
 * @param exhibit what proves the failure, where it showed in a sealed opening; else null.
 */
public record AuditReport(Level level, Counts counts, long cpuNanos, byte[] work, Failure failure, Exhibit exhibit) {
    public boolean good() {
        return failure == null;
    }
}
