package io.plumbline.ledger.order;

import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.LedgerState;
import io.plumbline.verifier.receipt.Answer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Orders in memory, in one thread, with a clock that its owner moves: the same calls give the same history. For
 * simulations and tests; a replica may fall behind, be put down to bytes and begin again from them, as on a host that
 * crashed.
 */
public final class MemorySequencer implements Sequencer {
    private final Genesis genesis;
    private final List<Event> log = new ArrayList<>();
    private final List<Member> members = new ArrayList<>();
    private long nowMs;

    /** What was ordered: a command, or that a timer went off. */
    private record Event(byte[] command, long timer, long atMs) {}

    private static final class Member {
        private final Replica.Listener listener;
        private Replica replica;
        private int applied;
        private final Map<Long, Long> timers = new HashMap<>();

        Member(Replica.Listener listener) {
            this.listener = listener;
        }
    }

    /** @param nowMs at which the clock stands first. */
    public MemorySequencer(Genesis genesis, long nowMs) {
        this.genesis = genesis;
        this.nowMs = nowMs;
    }

    /** Adds a replica; its number. The first is the one that is asked, and whose timers go off. */
    public int join(Replica.Listener listener) {
        Member member = new Member(listener);
        members.add(member);
        begin(member, new LedgerState(genesis));
        return members.size() - 1;
    }

    private static void begin(Member member, LedgerState state) {
        member.replica = new Replica(state, member.listener, member.timers::put);
        member.replica.begin();
    }

    /** Puts a replica down to bytes and begins again from them. */
    public void restart(int number) {
        Member member = members.get(number);
        begin(member, LedgerState.decode(genesis, member.replica.state().encode()));
    }

    /** Has a replica apply all that was ordered. @return what became of the last command. */
    public List<String> catchUp(int number) {
        Member member = members.get(number);
        List<String> last = List.of();
        while (member.applied < log.size()) {
            Event event = log.get(member.applied++);
            if (event.command == null) {
                member.timers.remove(event.timer);
                member.replica.onTimer(event.timer, event.atMs);
            } else {
                last = member.replica.onCommand(event.command, event.atMs);
            }
        }
        return last;
    }

    /** Puts a command into the order; nobody applies it yet. */
    public void order(byte[] signed) {
        log.add(new Event(signed, 0, nowMs));
    }

    /** Moves the clock; what is due on the way goes off at its time. */
    public void advance(long ms) {
        long end = nowMs + ms;
        while (true) {
            catchUp(0);
            Map<Long, Long> timers = members.getFirst().timers;
            Map.Entry<Long, Long> next = timers.entrySet().stream()
                    .min(Map.Entry.<Long, Long>comparingByValue().thenComparing(Map.Entry.comparingByKey()))
                    .orElse(null);
            if (next == null || next.getValue() > end) {
                break;
            }
            nowMs = Math.max(nowMs, next.getValue());
            log.add(new Event(null, next.getKey(), nowMs));
        }
        nowMs = end;
    }

    /** How much of the order a replica has applied. */
    public int applied(int number) {
        return members.get(number).applied;
    }

    public LedgerState state(int number) {
        return members.get(number).replica.state();
    }

    @Override
    public Answer submit(byte[] signed) {
        catchUp(0);
        order(signed);
        List<String> reasons = catchUp(0);
        return new Answer(state(0).height(), nowMs, reasons);
    }

    @Override
    public byte[] ask(Query query, byte[] key) {
        catchUp(0);
        return members.getFirst().replica.answer(query, key, nowMs);
    }

    @Override
    public long timeMs() {
        return nowMs;
    }

    @Override
    public void close() {
        // Memory needs no closing.
    }
}
