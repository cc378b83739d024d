package io.plumbline.benchmarks.jmh;

import io.plumbline.benchmarks.ledger.Settlements;
import io.plumbline.ledger.state.LedgerState;
import io.plumbline.ledger.state.Signed;
import io.plumbline.verifier.encoding.Bytes32;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * Commands applied to the ledger's state, per command: signature, rules, books, and the block that they make, with its
 * root. Each is an escrow. A command is applied once, so that each run begins with a new ledger; {@code begin} is what
 * that costs, over as many commands.
 */
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class LedgerSuite extends Suite {
    private static final int COMMANDS = 128;

    /** Commands under one signature. */
    @Param({"1", "128"})
    private int batch;

    private final Settlements settlements = new Settlements();
    private final List<byte[]> messages = new ArrayList<>();
    private byte[] register;
    private Bytes32 ledger;
    private long nowMs;

    /** Signs all, for which the clock of the ledger stands still. */
    @Setup
    public void prepare() {
        nowMs = System.currentTimeMillis();
        ledger = settlements.genesis().hash();
        register = settlements.register();
        for (int i = 0; i < COMMANDS; i += batch) {
            messages.add(
                    batch == 1
                            ? settlements.escrow()
                            : settlements.settle(batch, new byte[32]).getFirst());
        }
        LedgerState state = begin();
        for (byte[] message : messages) {
            for (String refusal : state.apply(message, nowMs)) {
                if (refusal != null) {
                    throw new IllegalStateException("A command is refused: " + refusal);
                }
            }
        }
        if (signatures() != messages.size()) {
            throw new IllegalStateException("A right signature does not hold.");
        }
    }

    @Benchmark
    @OperationsPerInvocation(COMMANDS)
    public LedgerState begin() {
        LedgerState state = new LedgerState(settlements.genesis());
        state.apply(register, nowMs);
        return state;
    }

    @Benchmark
    @OperationsPerInvocation(COMMANDS)
    public byte[] apply() {
        LedgerState state = begin();
        for (byte[] message : messages) {
            state.apply(message, nowMs);
        }
        return state.closeBlock(nowMs).hash();
    }

    /** Their signatures checked and nothing else: the least that applying them costs. */
    @Benchmark
    @OperationsPerInvocation(COMMANDS)
    public int signatures() {
        int holding = 0;
        for (byte[] message : messages) {
            holding += Signed.decode(message).signatureHolds(ledger) ? 1 : 0;
        }
        return holding;
    }
}
