package io.plumbline.verifier.audit;

/**
 * What came of an audit.
 *
 * @param level that was asked for.
 * @param counts of what was checked, up to the failure if there is one.
 * @param cpuNanos of the auditing thread.
 * @param failure the first one, or null when the answer is good.
 */
public record AuditReport(Level level, Counts counts, long cpuNanos, Failure failure) {
    public boolean good() {
        return failure == null;
    }
}
