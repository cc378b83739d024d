package io.plumbline.ledger.order;

import io.plumbline.ledger.state.Blocks;
import io.plumbline.ledger.state.LedgerState;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.util.ArrayList;
import java.util.List;

/**
 * How far the ledger is, for its operators.
 *
 * @param height commands ordered.
 * @param timeMs cluster time of the last.
 * @param epoch in which votes count.
 * @param certified number of the last certified block, or -1.
 * @param waitsSinceMs cluster time at which the block that waits for signatures was closed, or -1.
 * @param asked full nodes that have asked for the next epoch.
 * @param dissent places of full nodes that signed another block than the one that waits.
 * @param guilty what full nodes lost their stake for.
 * @param deposited all money that ever came in.
 * @param total where it all is now; the same, or something is wrong.
 */
public record LedgerStatus(
        long height,
        long timeMs,
        long epoch,
        long certified,
        long waitsSinceMs,
        int asked,
        List<Integer> dissent,
        List<String> guilty,
        long deposited,
        long total) {
    /** As one replica knows it. */
    public static LedgerStatus of(LedgerState state) {
        Blocks blocks = state.blocks();
        List<String> guilty = new ArrayList<>();
        state.guilty().forEach((place, what) -> guilty.add("full node " + place + " " + what));
        return new LedgerStatus(
                state.height(),
                state.timeMs(),
                blocks.epoch(),
                blocks.certified() == null ? -1 : blocks.certified().number(),
                blocks.open() == null ? -1 : blocks.open().timeMs(),
                blocks.asked(),
                blocks.dissent(),
                guilty,
                state.deposited(),
                state.total());
    }

    byte[] encode() {
        CanonicalWriter out = new CanonicalWriter()
                .putLong(height)
                .putLong(timeMs)
                .putLong(epoch)
                .putLong(certified)
                .putLong(waitsSinceMs)
                .putInt(asked)
                .putInt(dissent.size());
        dissent.forEach(out::putInt);
        out.putInt(guilty.size());
        guilty.forEach(out::putText);
        return out.putLong(deposited).putLong(total).toBytes();
    }

    public static LedgerStatus decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "status");
        long height = in.getLong("height");
        long timeMs = in.getLong("time");
        long epoch = in.getLong("epoch");
        long certified = in.getLong("certified block");
        long waits = in.getLong("waiting since");
        int asked = in.getInt("asked");
        List<Integer> dissent = new ArrayList<>();
        for (int n = in.getInt("dissent"); n > 0; n--) {
            dissent.add(in.getInt("full node"));
        }
        List<String> guilty = new ArrayList<>();
        for (int n = in.getInt("guilty"); n > 0; n--) {
            guilty.add(in.getText("what it did"));
        }
        LedgerStatus status = new LedgerStatus(
                height,
                timeMs,
                epoch,
                certified,
                waits,
                asked,
                dissent,
                guilty,
                in.getLong("deposited"),
                in.getLong("total"));
        in.end();
        return status;
    }
}
