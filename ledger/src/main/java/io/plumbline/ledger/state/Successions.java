package io.plumbline.ledger.state;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Keys that replace others. A successor is named beforehand, and counts a while later where there is a stake: whoever
 * steals a key cannot have the stake follow it to a key of its own sooner than it could ask the stake back.
 */
final class Successions {
    private final Entries entries;
    private final SortedMap<Bytes32, Succession> all = new TreeMap<>();

    /** The last successor of each key that was replaced. */
    private final Map<Bytes32, Bytes32> holders = new HashMap<>();

    /** Of each of these, all keys that it stands for. */
    private final Map<Bytes32, List<Bytes32>> predecessors = new HashMap<>();

    Successions(Entries entries) {
        this.entries = entries;
    }

    /** Null where the key has named none. */
    Succession find(Bytes32 key) {
        return all.get(key);
    }

    boolean isReplaced(Bytes32 key) {
        Succession one = all.get(key);
        return one != null && one.isReplaced();
    }

    /** The key whose stake answers for what a key has signed: its own, or that of the last that replaced it. */
    Bytes32 holder(Bytes32 key) {
        return holders.getOrDefault(key, key);
    }

    private void link(Bytes32 key, Bytes32 successor) {
        Bytes32 last = holder(successor);
        if (last.equals(key)) {
            throw new MalformedException("Malformed successions: " + key + " is its own successor.");
        }
        List<Bytes32> all = predecessors.containsKey(key) ? predecessors.remove(key) : new ArrayList<>();
        all.add(key);
        all.forEach(one -> holders.put(one, last));
        predecessors.computeIfAbsent(last, any -> new ArrayList<>()).addAll(all);
    }

    /**
     * Names a successor. The one in force is named again at once, which ends what is pending.
     *
     * @param fromMs when it counts; any time that has come for at once.
     */
    void name(Bytes32 key, Bytes32 successor, long fromMs, long nowMs) {
        Succession before = all.getOrDefault(key, Succession.none(key));
        Bytes32 inForce = before.inForce(nowMs);
        put(
                fromMs <= nowMs || successor.equals(inForce)
                        ? new Succession(key, successor, Bytes32.ZERO, 0, false, null)
                        : new Succession(key, inForce, successor, fromMs, false, null));
    }

    /** @param retired null where the key was no inference node's. */
    void replace(Bytes32 key, Bytes32 successor, Node retired) {
        put(new Succession(key, successor, Bytes32.ZERO, 0, true, retired));
    }

    private void put(Succession one) {
        all.put(one.key(), one);
        if (one.isReplaced()) {
            link(one.key(), one.named());
        }
        entries.put(Kind.SUCCESSION, one.key(), one::encode);
    }

    void write(CanonicalWriter out) {
        out.putInt(all.size());
        all.values().forEach(one -> out.putFixed(one.encode()));
    }

    /** @throws MalformedException where keys replace each other in a circle. */
    static Successions read(Entries entries, CanonicalReader in) {
        Successions read = new Successions(entries);
        for (int n = in.getInt("successions"); n > 0; n--) {
            read.put(Succession.read(in));
        }
        return read;
    }
}
