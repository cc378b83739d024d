package io.plumbline.ledger.state;

import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Cells;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The audit of one answer as the ledger sees it: who judges it, what they have bound themselves to and what they have
 * told. Never changes; a step makes a new one. What auditors have said stands in arrays, by their place among them:
 * an answer costs ten steps.
 */
public final class Audit {
    private static final int MAX_AUDITORS = 1024;

    /** Round, deadline and how many there are of everything. */
    private static final int NUMBERS_BYTES = 5 * Integer.BYTES + Long.BYTES;

    /** Before a receipt is ordered there is none. */
    static final Audit NONE = begun(new byte[32], List.of(), Long.MAX_VALUE);

    private final byte[] beacon;
    private final List<Bytes32> auditors;
    private final int round;
    private final Cell[] posted;
    private final byte[][] commitments;
    private final Verdict[] verdicts;
    private final long deadlineMs;

    private Audit(
            byte[] beacon,
            List<Bytes32> auditors,
            int round,
            Cell[] posted,
            byte[][] commitments,
            Verdict[] verdicts,
            long deadlineMs) {
        this.beacon = beacon;
        this.auditors = auditors;
        this.round = round;
        this.posted = posted;
        this.commitments = commitments;
        this.verdicts = verdicts;
        this.deadlineMs = deadlineMs;
    }

    /** @param beacon 32 bytes, drawn when the receipt was ordered. */
    static Audit begun(byte[] beacon, List<Bytes32> auditors, long deadlineMs) {
        int count = auditors.size();
        return new Audit(
                beacon, List.copyOf(auditors), 0, new Cell[count], new byte[count][], new Verdict[count], deadlineMs);
    }

    /** 32 bytes that nobody knew before the receipt was ordered. */
    public byte[] beacon() {
        return beacon.clone();
    }

    /** Whose verdicts count. */
    public List<Bytes32> auditors() {
        return auditors;
    }

    /** Begins anew, and with it all commitments, when a challenge is posted. */
    public int round() {
        return round;
    }

    /** Cluster time at which this phase ends. */
    public long deadlineMs() {
        return deadlineMs;
    }

    public boolean isAuditor(Bytes32 key) {
        return auditors.contains(key);
    }

    /** Whether an auditor has bound itself to a verdict in this round. */
    public boolean hasCommitted(Bytes32 auditor) {
        return commitment(auditor) != null;
    }

    /** What an auditor has bound itself to in this round, or null. */
    byte[] commitment(Bytes32 auditor) {
        int place = auditors.indexOf(auditor);
        return place < 0 ? null : commitments[place];
    }

    /** Whether an auditor has told its verdict. */
    public boolean hasJudged(Bytes32 auditor) {
        int place = auditors.indexOf(auditor);
        return place >= 0 && verdicts[place] != null;
    }

    /** Whether an auditor has put a challenge to all; it may once. */
    public boolean hasPosted(Bytes32 auditor) {
        int place = auditors.indexOf(auditor);
        return place >= 0 && posted[place] != null;
    }

    /** Told so far, by auditor. */
    public SortedMap<Bytes32, Verdict> verdicts() {
        SortedMap<Bytes32, Verdict> told = new TreeMap<>();
        for (int i = 0; i < verdicts.length; i++) {
            if (verdicts[i] != null) {
                told.put(auditors.get(i), verdicts[i]);
            }
        }
        return Collections.unmodifiableSortedMap(told);
    }

    private static int count(Object[] said) {
        int count = 0;
        for (Object one : said) {
            count += one == null ? 0 : 1;
        }
        return count;
    }

    /** How many have bound themselves in this round. */
    public int committed() {
        return count(commitments);
    }

    /** Whether all who have bound themselves have told. */
    boolean isComplete() {
        return count(verdicts) == committed();
    }

    /** Verdicts that decide: more than half. */
    public int quorum() {
        return auditors.size() / 2 + 1;
    }

    /** Auditors that may lie, at most: as many as of all full nodes. */
    int mostLiars() {
        return (auditors.size() - 1) / 3;
    }

    /**
     * Whether those who have committed in this round decide it even where as many of them lie as may: the others may
     * be shut out then.
     */
    boolean decides() {
        return committed() >= quorum() + mostLiars();
    }

    /**
     * Whether more auditors than may lie had no answer to a challenge and posted it: then an honest one did, and said
     * so before anybody asked it.
     */
    boolean isPostedByHonest() {
        return count(posted) > mostLiars();
    }

    /** Cells posted by any auditor, in the order of their keys. */
    public List<Cell> postedCells() {
        SortedMap<Bytes32, Cell> cells = new TreeMap<>();
        for (int i = 0; i < posted.length; i++) {
            if (posted[i] != null) {
                cells.put(auditors.get(i), posted[i]);
            }
        }
        return List.copyOf(cells.values());
    }

    /** Good verdicts whose auditors show the same work, the most there are: others did not do theirs. */
    public int good() {
        int most = 0;
        for (int i = 0; i < verdicts.length; i++) {
            most = Math.max(most, isGood(i) ? sameWork(i) : 0);
        }
        return most;
    }

    private boolean isGood(int place) {
        return verdicts[place] != null && verdicts[place].opinion() == Opinion.GOOD;
    }

    /** Auditors who called the answer good and show the work that this one does. */
    private int sameWork(int place) {
        int same = 0;
        for (int i = 0; i < verdicts.length; i++) {
            same += isGood(i) && Arrays.equals(verdicts[i].work(), verdicts[place].work()) ? 1 : 0;
        }
        return same;
    }

    /** Verdicts that the answer is bad. */
    public int bad() {
        return calling(Opinion.BAD).size();
    }

    /** Verdicts that the node was silent, or did not answer as it signed. */
    public int silence() {
        return calling(Opinion.SILENT).size();
    }

    /** Auditors who have told this opinion. */
    List<Bytes32> calling(Opinion opinion) {
        List<Bytes32> calling = new ArrayList<>();
        for (int i = 0; i < verdicts.length; i++) {
            if (verdicts[i] != null && verdicts[i].opinion() == opinion) {
                calling.add(auditors.get(i));
            }
        }
        return calling;
    }

    /** Auditors who called the answer good and show the work that most of them do. */
    List<Bytes32> working() {
        List<Bytes32> working = calling(Opinion.GOOD);
        working.removeAll(lazy());
        return working;
    }

    /** Auditors who called an answer good without the work that most others show. */
    public List<Bytes32> lazy() {
        List<Bytes32> lazy = new ArrayList<>();
        int most = good();
        for (int i = 0; i < verdicts.length; i++) {
            if (isGood(i) && sameWork(i) < most) {
                lazy.add(auditors.get(i));
            }
        }
        Collections.sort(lazy);
        return lazy;
    }

    Audit until(long nextDeadlineMs) {
        return new Audit(beacon, auditors, round, posted, commitments, verdicts, nextDeadlineMs);
    }

    Audit committed(Bytes32 auditor, byte[] commitment) {
        return new Audit(beacon, auditors, round, posted, with(commitments, auditor, commitment), verdicts, deadlineMs);
    }

    Audit revealed(Bytes32 auditor, Verdict verdict) {
        return new Audit(beacon, auditors, round, posted, commitments, with(verdicts, auditor, verdict), deadlineMs);
    }

    Audit posted(Bytes32 auditor, Cell cell, long nextDeadlineMs) {
        return new Audit(
                beacon,
                auditors,
                round + 1,
                with(posted, auditor, cell),
                new byte[auditors.size()][],
                verdicts,
                nextDeadlineMs);
    }

    private <T> T[] with(T[] said, Bytes32 auditor, T word) {
        T[] more = said.clone();
        more[auditors.indexOf(auditor)] = word;
        return more;
    }

    /** Bytes that {@link #write} takes. */
    int bytes() {
        int bytes = beacon.length + Bytes32.BYTES * auditors.size() + NUMBERS_BYTES;
        bytes += count(posted) * (Integer.BYTES + Cells.BYTES);
        bytes += count(commitments) * (Integer.BYTES + Bytes32.BYTES);
        for (Verdict verdict : verdicts) {
            bytes += verdict == null ? 0 : Integer.BYTES + verdict.bytes();
        }
        return bytes;
    }

    void write(CanonicalWriter out) {
        out.putFixed(beacon).putInt(auditors.size());
        auditors.forEach(out::putBytes32);
        out.putInt(round);
        out.putInt(count(posted));
        for (int i = 0; i < posted.length; i++) {
            if (posted[i] != null) {
                Cells.write(out.putInt(i), posted[i]);
            }
        }
        out.putInt(count(commitments));
        for (int i = 0; i < commitments.length; i++) {
            if (commitments[i] != null) {
                out.putInt(i).putFixed(commitments[i]);
            }
        }
        out.putInt(count(verdicts));
        for (int i = 0; i < verdicts.length; i++) {
            if (verdicts[i] != null) {
                verdicts[i].write(out.putInt(i));
            }
        }
        out.putLong(deadlineMs);
    }

    static Audit read(CanonicalReader in) {
        byte[] beacon = in.getFixed(32, "beacon");
        int count = in.getInt("auditors");
        if (count < 0 || count > MAX_AUDITORS) {
            throw new MalformedException("Malformed audit: it has " + count + " auditors.");
        }
        List<Bytes32> auditors = new ArrayList<>();
        for (int n = 0; n < count; n++) {
            auditors.add(Bytes32.of(in.getFixed(32, "auditor")));
        }
        int round = in.getInt("round");
        Cell[] posted = new Cell[count];
        for (int n = in.getInt("posted"); n > 0; n--) {
            int place = place(in, count);
            posted[place] = Cells.read(in);
        }
        byte[][] commitments = new byte[count][];
        for (int n = in.getInt("commitments"); n > 0; n--) {
            int place = place(in, count);
            commitments[place] = in.getFixed(32, "commitment");
        }
        Verdict[] verdicts = new Verdict[count];
        for (int n = in.getInt("verdicts"); n > 0; n--) {
            int place = place(in, count);
            verdicts[place] = Verdict.read(in);
        }
        return new Audit(beacon, List.copyOf(auditors), round, posted, commitments, verdicts, in.getLong("deadline"));
    }

    private static int place(CanonicalReader in, int count) {
        int place = in.getInt("auditor's place");
        if (place < 0 || place >= count) {
            throw new MalformedException("Malformed audit: there is no auditor " + place + " of " + count + ".");
        }
        return place;
    }
}
