package io.plumbline.ledger.state;

import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.util.List;

/**
 * What a ledger runs by. A quorum of full nodes changes it, all at once. Money is in the ledger's smallest unit.
 *
 * @param rules number of the rules that commands are applied by: new code keeps to the old ones until a quorum has
 *     moved on, so that full nodes may be upgraded one after the other and an old log gives the same state on new
 *     code.
 * @param commitMs longest time to audit and commit to a verdict, and again after a challenge is posted; what the node
 *     announces for the opening of long answers comes on top.
 * @param graceMs time for the others once as many have committed as decide, those that may lie not counted.
 * @param revealMs longest time to reveal what was committed to.
 * @param escrowMs longest time from an escrow to its receipt: then the requester has the money back; see {@link
 *     #answerMs}.
 * @param tokenMs time from an escrow to its receipt for each token that it is for.
 * @param unbondMs time for which a stake that is asked back still answers for what its owner did; longer than an
 *     answer may be judged.
 * @param retainMs time for which a request that came to its end stays in the state, and evidence against its answer
 *     is taken; then the node has its price. Its proof is good for ever.
 * @param maxAuditors of one answer.
 * @param minStake of an inference node or a data node that may work.
 * @param cover stake that is reserved for an open request, as a multiple of its escrow; that much is lost where a
 *     posted challenge is left unanswered.
 * @param fee of every command of an account other than a full node or the bank, burned. An awaited receipt costs none.
 * @param registrationFee of an entry that stays in the state: a node, a model, a feed, a withdrawal; burned.
 * @param auditFee of an answer that is audited at AUDITED, paid by its requester to those who audit; see {@link
 *     #auditFee(Level, long)}.
 * @param accusationDeposit put up with evidence, and burned where it proves nothing.
 */
public record Parameters(
        int rules,
        long commitMs,
        long graceMs,
        long revealMs,
        long escrowMs,
        long tokenMs,
        long unbondMs,
        long retainMs,
        int maxAuditors,
        long minStake,
        int cover,
        long fee,
        long registrationFee,
        long auditFee,
        long accusationDeposit) {
    /**
     * The newest rules that this code knows: since 4 a receipt is taken from its node alone, an open escrow reserves
     * at least a thousandth of the least stake, one that ends without a receipt leaves the state soon, and there are no
     * more requests at once than a full node can hold; since 5 accounts pay each other; since 6 data nodes report on
     * declared feeds, see {@link Feed}; since 7 they keep blobs for pay, see {@link StorageTerms}; since 8 two
     * receipts for one request cost their node its stake, and a node's key is replaced by another, see {@link
     * Succession}.
     */
    public static final int KNOWN_RULES = 9;

    /** The oldest rules that this code knows: those before let a node take its stake home. */
    public static final int OLDEST_RULES = 3;

    /**
     * Longest time, in ms, that the opening of one answer may add to {@link #commitMs}, whatever its node announces:
     * the requester's escrow waits for as long, and again after each challenge that is posted.
     */
    public static final long MAX_OPENING_MS = 3_600_000;

    /** Time from an escrow to its receipt, whatever the tokens: a request may wait for others. */
    private static final long WAIT_MS = 120_000;

    private static final long HOUR_MS = 3_600_000;
    private static final long MAX_MS = 10L * 365 * 24 * HOUR_MS;
    private static final long MAX_MONEY = 1L << 48;
    private static final int MAX_COVER = 1_000_000;

    /** Tokens that are checked at FULL for what AUDITED costs. */
    private static final int FULL_TOKENS = 8;

    /** Names as operators write them. */
    public static final List<String> NAMES = List.of(
            "rules",
            "commitMs",
            "graceMs",
            "revealMs",
            "escrowMs",
            "tokenMs",
            "unbondMs",
            "retainMs",
            "maxAuditors",
            "minStake",
            "cover",
            "fee",
            "registrationFee",
            "auditFee",
            "accusationDeposit");

    /** What a ledger begins with where its genesis says nothing else. */
    public static final Parameters DEFAULT = new Parameters(
            KNOWN_RULES,
            120_000,
            5_000,
            30_000,
            600_000,
            500,
            7 * 24 * HOUR_MS,
            24 * HOUR_MS,
            7,
            10_000,
            4,
            1,
            100,
            8,
            1_000);

    /**
     * The same without fees, deposits, reserves or a least stake: for tests and benchmarks that count money exactly.
     */
    public static final Parameters FREE = DEFAULT.with("minStake", 1)
            .with("cover", 0)
            .with("fee", 0)
            .with("registrationFee", 0)
            .with("auditFee", 0)
            .with("accusationDeposit", 0);

    /**
     * The same with another value of one parameter.
     *
     * @throws IllegalArgumentException where no parameter has this name, or the value is no number of its kind.
     */
    public Parameters with(String name, long value) {
        int place = NAMES.indexOf(name);
        if (place < 0) {
            throw new IllegalArgumentException(
                    "no parameter is called " + name + "; there are " + String.join(", ", NAMES));
        }
        long[] v = {
            rules,
            commitMs,
            graceMs,
            revealMs,
            escrowMs,
            tokenMs,
            unbondMs,
            retainMs,
            maxAuditors,
            minStake,
            cover,
            fee,
            registrationFee,
            auditFee,
            accusationDeposit
        };
        v[place] = value;
        try {
            int applied = Math.toIntExact(v[0]);
            int auditors = Math.toIntExact(v[8]);
            int covered = Math.toIntExact(v[10]);
            return new Parameters(
                    applied, v[1], v[2], v[3], v[4], v[5], v[6], v[7], auditors, v[9], covered, v[11], v[12], v[13],
                    v[14]);
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(name + " cannot be " + value, e);
        }
    }

    /** A parameter as an operator writes it: NAME=VALUE. */
    public Parameters with(String assignment) {
        int equals = assignment.indexOf('=');
        if (equals < 1 || !assignment.substring(equals + 1).matches("\\d{1,18}")) {
            throw new IllegalArgumentException("a parameter is NAME=NUMBER, not " + assignment);
        }
        return with(assignment.substring(0, equals), Long.parseLong(assignment.substring(equals + 1)));
    }

    /**
     * What an audit at this level costs its requester: nothing at SIGNED, at FULL in proportion to the tokens; more
     * than anybody has where no number holds it.
     *
     * @param tokens 1 or more, at most 2^32.
     */
    public long auditFee(Level level, long tokens) {
        return switch (level) {
            case SIGNED -> 0;
            case AUDITED -> auditFee;
            default -> {
                long parts = Math.max(1, (tokens + FULL_TOKENS - 1) / FULL_TOKENS);
                yield auditFee > Long.MAX_VALUE / parts ? Long.MAX_VALUE : auditFee * parts;
            }
        };
    }

    /**
     * Time from an escrow for so many tokens to its receipt, in ms: two minutes and {@code tokenMs} a token, at most
     * {@code escrowMs}. At every level alike: what an audit takes comes after the receipt.
     *
     * @param tokens prompt and answer together, 1 or more.
     */
    public long answerMs(long tokens) {
        boolean isLong = tokens > escrowMs / tokenMs;
        return isLong ? escrowMs : Math.min(escrowMs, WAIT_MS + tokenMs * tokens);
    }

    /** What is wrong with it, or null. */
    String fault() {
        if (!isKnown(rules)) {
            return "rules " + rules + " are not known; this code knows " + OLDEST_RULES + " to " + KNOWN_RULES;
        }
        long[] times = {commitMs, graceMs, revealMs, escrowMs, tokenMs, unbondMs, retainMs};
        for (long time : times) {
            if (time < 1 || time > MAX_MS) {
                return "a time of " + time + " ms is not between 1 ms and ten years";
            }
        }
        if (maxAuditors < 1 || maxAuditors > 64 || minStake < 1) {
            return "auditors are 1 to 64, the least stake is 1";
        }
        // Each auditor may post a challenge, and a round begins anew.
        long judgedMs = (maxAuditors + 1) * (commitMs + MAX_OPENING_MS) + revealMs;
        if (unbondMs < escrowMs + judgedMs + retainMs) {
            return "a stake must answer for as long as an answer may take, be judged and be proven false";
        }
        for (long money : new long[] {minStake, fee, registrationFee, auditFee, accusationDeposit}) {
            if (money < 0 || money > MAX_MONEY) {
                return "a stake or fee of " + money + " is not in 0.." + MAX_MONEY;
            }
        }
        if (cover < 0 || cover > MAX_COVER) {
            return "an escrow is covered up to " + MAX_COVER + " times, not " + cover;
        }
        return null;
    }

    private static boolean isKnown(int rules) {
        return rules >= OLDEST_RULES && rules <= KNOWN_RULES;
    }

    void write(CanonicalWriter out) {
        out.putInt(rules)
                .putLong(commitMs)
                .putLong(graceMs)
                .putLong(revealMs)
                .putLong(escrowMs)
                .putLong(tokenMs);
        out.putLong(unbondMs)
                .putLong(retainMs)
                .putInt(maxAuditors)
                .putLong(minStake)
                .putInt(cover);
        out.putLong(fee).putLong(registrationFee).putLong(auditFee).putLong(accusationDeposit);
    }

    static Parameters read(CanonicalReader in) {
        int rules = in.getInt("rules");
        if (!isKnown(rules)) {
            throw new MalformedException("This ledger runs by rules " + rules + ", and this build knows rules "
                    + OLDEST_RULES + " to " + KNOWN_RULES + ". Use a build of the ledger's rules.");
        }
        return new Parameters(
                rules,
                in.getLong("commit time"),
                in.getLong("grace time"),
                in.getLong("reveal time"),
                in.getLong("escrow time"),
                in.getLong("token time"),
                in.getLong("unbonding time"),
                in.getLong("retention"),
                in.getInt("auditors"),
                in.getLong("least stake"),
                in.getInt("cover"),
                in.getLong("fee"),
                in.getLong("registration fee"),
                in.getLong("audit fee"),
                in.getLong("accusation deposit"));
    }

    byte[] encode() {
        CanonicalWriter out = new CanonicalWriter();
        write(out);
        return out.toBytes();
    }
}
