package io.plumbline.verifier.audit;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.numerics.Rope;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class CellsTest {
    private static final long BLOCK_BYTES = 128L << 20;

    private static AnswerView answerOf(int hidden, int heads, int mlp, int tokens) {
        ModelConfig config = new ModelConfig(
                hidden, 2, heads, heads / 4, 128, mlp, 1000, 65_536, 1e-6f, Rope.plain(10_000), false, false);
        Manifest manifest = new Manifest(config, new TreeMap<>(Map.of()), new TreeMap<>(Map.of()));
        return new AnswerView(manifest, Bytes32.ZERO, new int[tokens], new int[1]);
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
}
