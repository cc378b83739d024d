package io.plumbline.ledger.state;

import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;

/**
 * What a ledger runs by. A quorum of full nodes changes it, all at once.
 *
 * @param rules number of the rules that commands are applied by: new code keeps to the old ones until a quorum has moved on, so that full nodes may be
 *     upgraded one after the other and an old log gives the same state on new code.
 * @param commitMs longest time to audit and commit to a verdict, and again after a challenge is posted.
 * @param graceMs time for the others once as many have committed as decide.
 * @param revealMs longest time to reveal what was committed to.
 * @param escrowMs longest time from an escrow to its receipt: then the requester has the money back.
 * @param unbondMs time for which a stake that is asked back still answers for what its owner did; longer than an answer may be judged.
 * @param retainMs time for which a request that came to its end stays in the state. Its proof is good for ever.
 * @param maxAuditors of one answer.
 * @param minStake of an inference node or a data node that may work.
 */
public record Parameters(
        int rules,
        long commitMs,
        long graceMs,
        long revealMs,
        long escrowMs,
        long unbondMs,
        long retainMs,
        int maxAuditors,
        long minStake) {
    /** The newest rules that this code knows. */
    public static final int KNOWN_RULES = 1;

    private static final long HOUR_MS = 3_600_000;

    private static final long MAX_MS = 10L * 365 * 24 * HOUR_MS;

    /** What a ledger begins with where its genesis says nothing else. */
    public static final Parameters DEFAULT =
            new Parameters(1, 120_000, 5_000, 30_000, HOUR_MS, 7 * 24 * HOUR_MS, 24 * HOUR_MS, 7, 1);

    /** What is wrong with it, or null. */
    String fault() {
        if (rules < 1 || rules > KNOWN_RULES) {
            return "rules " + rules + " are not known; this code knows 1 to " + KNOWN_RULES;
        }
        long[] times = {commitMs, graceMs, revealMs, escrowMs, unbondMs, retainMs};
        for (long time : times) {
            if (time < 1 || time > MAX_MS) {
                return "a time of " + time + " ms is not between 1 ms and ten years";
            }
        }
        if (unbondMs < escrowMs + commitMs + revealMs) {
            return "a stake must answer for as long as an answer may take and be judged";
        }
        return maxAuditors < 1 || maxAuditors > 64 || minStake < 1
                ? "auditors are 1 to 64, the least stake is 1"
                : null;
    }

    void write(CanonicalWriter out) {
        out.putInt(rules).putLong(commitMs).putLong(graceMs).putLong(revealMs).putLong(escrowMs);
        out.putLong(unbondMs).putLong(retainMs).putInt(maxAuditors).putLong(minStake);
    }

    static Parameters read(CanonicalReader in) {
        Parameters parameters = new Parameters(
                in.getInt("rules"),
                in.getLong("commit time"),
                in.getLong("grace time"),
                in.getLong("reveal time"),
                in.getLong("escrow time"),
                in.getLong("unbonding time"),
                in.getLong("retention"),
                in.getInt("auditors"),
                in.getLong("least stake"));
        if (parameters.rules > KNOWN_RULES) {
            throw new MalformedException("This ledger runs by rules " + parameters.rules
                    + ", and this build knows rules up to " + KNOWN_RULES + ". Upgrade it.");
        }
        return parameters;
    }

    byte[] encode() {
        CanonicalWriter out = new CanonicalWriter();
        write(out);
        return out.toBytes();
    }
}
