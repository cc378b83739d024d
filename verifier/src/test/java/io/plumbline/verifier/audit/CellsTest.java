package io.plumbline.verifier.audit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.Architecture;
import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.numerics.Rope;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class CellsTest {
    private static final long BLOCK_BYTES = 128L << 20;

    private static AnswerView answerOf(int hidden, int heads, int mlp, int tokens) {
        ModelConfig config = new ModelConfig(
                hidden, 2, heads, heads / 4, 128, mlp, 1000, 65_536, 1e-6f, Rope.plain(10_000), false, false);
        Manifest manifest = new Manifest(config, new TreeMap<>(Map.of()), new TreeMap<>(Map.of()));
        return new AnswerView(manifest, Bytes32.ZERO, new int[tokens], new int[1]);
    }

    /** A layer of attention, and one of linear attention of a published shape. */
    private static AnswerView linear(int hidden, int keyHeads, int valueHeads, int mlp, int tokens) {
        Architecture architecture = new Architecture.Builder()
                .attention("FD")
                .delta(new DeltaRule(keyHeads, valueHeads, 128, 128, 4))
                .attentionGate(true)
                .rotaryDim(64)
                .build();
        Rope rope = Rope.plain(10_000_000);
        ModelConfig config =
                new ModelConfig(hidden, 2, 16, 4, 256, mlp, 1000, 65_536, 1e-6f, rope, false, true, architecture);
        Manifest manifest = new Manifest(config, new TreeMap<>(Map.of()), new TreeMap<>(Map.of()));
        return new AnswerView(manifest, Bytes32.ZERO, new int[tokens], new int[1]);
    }

    /** Of the 9B and 27B models, evidence of one token, wherever it stands, is no larger than a ledger takes. */
    @Test
    void evidenceOfLinearAttentionIsSmallEnoughForALedger() {
        for (AnswerView view : List.of(linear(4096, 16, 32, 12_288, 900), linear(5120, 16, 48, 17_408, 900))) {
            for (int token : new int[] {0, 127, 128, 255, 700, 898, 899}) {
                OpeningLayout layout = OpeningLayout.of(view, new Cell(1, token, token + 1));
                assertTrue(layout.bytes() < 15 << 20, layout.bytes() + " bytes at token " + token);
                assertEquals(layout.proof(), layout.bytes() - layout.tokenBytes(token));
            }
            long granted = Auditor.memoryBytes(view.config(), 900);
            for (Cell cell : Cells.all(view)) {
                assertTrue(Cells.contains(view, cell), cell.toString());
                if (cell.layer() == 1) {
                    OpeningLayout layout = OpeningLayout.of(view, cell);
                    assertTrue(granted > 2 * layout.proof(), cell.toString());
                    assertTrue(layout.shownBytes(cell.to() - 1) <= Cells.LINEAR_BYTES, cell.toString());
                }
            }
        }
    }

    @Test
    void everyCellOfAFullAuditMayBeAskedForAndNoneThatIsLarger() {
        for (int tokens : new int[] {1, 700, 9_000, 33_000}) {
            AnswerView view = answerOf(4096, 32, 14_336, tokens);
            for (Cell cell : Cells.all(view)) {
                assertTrue(Cells.contains(view, cell), cell.toString());
                Cell larger = new Cell(cell.layer(), cell.from(), cell.to() + 1);
                assertFalse(Cells.contains(view, larger), larger.toString());
            }
        }
    }

    /** What an audit is granted at once covers its largest proof while that grows, and is of its order. */
    @Test
    void theMemoryOfAnAuditFollowsFromTheAnswersLength() {
        for (int[] shape : new int[][] {{4096, 32, 14_336}, {8192, 64, 28_672}, {512, 4, 1_024}}) {
            for (int tokens : new int[] {2, 700, 9_000, 33_000}) {
                AnswerView view = answerOf(shape[0], shape[1], shape[2], tokens);
                int length = view.length();
                long proof = Math.max(
                        OpeningLayout.of(view, new Cell(1, length - 1, length)).proof(),
                        OpeningLayout.of(
                                        view,
                                        Cells.all(view).stream()
                                                .filter(cell -> cell.layer() == 1)
                                                .toList()
                                                .getLast())
                                .proof());
                long granted = Auditor.memoryBytes(view.config(), tokens);
                String what = granted + " bytes for a proof of " + proof;
                assertTrue(granted >= 2 * proof && granted <= 6 * proof + (64 << 20), what);
            }
        }
        assertTrue(Auditor.memoryBytes(answerOf(512, 4, 1_024, 1).config(), Integer.MAX_VALUE) > 0);
    }

    @Test
    void aCellWhosePiecesExceedWhatANodeMustKeepIsNotAskedFor() {
        AnswerView view = answerOf(4096, 32, 14_336, 33_000);
        for (int from : new int[] {0, 2_000, 8_000, 32_000}) {
            long bytes = 0;
            for (int to = from + 1; to <= from + Cells.BLOCK_TOKENS; to++) {
                bytes += OpeningLayout.Token.of(view.config(), 0, to - 1).bytes();
                assertTrue(bytes <= BLOCK_BYTES || !Cells.contains(view, new Cell(0, from, to)), from + " to " + to);
            }
            assertTrue(Cells.contains(view, new Cell(0, from, from + 1)));
        }
        assertTrue(Cells.contains(view, new Cell(2, 100, 164)));
        assertFalse(Cells.contains(view, new Cell(2, 100, 165)));
    }

    /** A node that is lost whenever it is asked for a false cell is asked for the same cells again. */
    @Test
    void whoTriesAgainDrawsTheSameCells() {
        AnswerView view = answerOf(1024, 8, 4096, 500);
        byte[] seed = new byte[32];
        List<Cell> first = Cells.drawn(view, drawnBy(seed), 1);
        assertEquals(first, Cells.drawn(view, drawnBy(seed), 1));
        assertEquals(first.size(), first.stream().distinct().count());
        byte[] other = new byte[32];
        other[31] = 1;
        assertNotEquals(first, Cells.drawn(view, drawnBy(other), 1));
        // Where there is one try, nothing is to be the same.
        assertNotEquals(
                Cells.drawn(view, Assignment.of(Level.AUDITED).random(), 1),
                Cells.drawn(view, Assignment.of(Level.AUDITED).random(), 1));
    }

    private static RandomGenerator drawnBy(byte[] seed) {
        return new Assignment(Level.AUDITED, null, List.of(), seed).random();
    }

    /** Strangers name requests: as many as they like that would stand in one place of a table, if they knew which. */
    @Test
    void keysThatWereMadeToCollideDoNot() {
        Set<Integer> hashes = new HashSet<>();
        for (int i = 0; i < 10_000; i++) {
            hashes.add(new Bytes32(1, 2, i, -31L * i & 0xffffffffL).hashCode());
        }
        assertTrue(hashes.size() > 9_900, hashes.size() + " of 10,000");
    }
}
