package io.plumbline.verifier.audit;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.plumbline.verifier.choice.ChoiceRule;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.LayerParameters;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.MatrixStack;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.RotaryTables;
import io.plumbline.verifier.numerics.Rope;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Evidence names a shape of its own: nothing is made by that shape before the evidence has the bytes it asks for. */
class OpeningCheckTest {
    private static final KeyPair NODE = KeyPair.random();

    private final ModelConfig config =
            new ModelConfig(64, 2, 1, 1, 256, 64, 64, 65_536, 1e-6f, Rope.plain(1), false, false);
    private final Manifest manifest = new Manifest(config, new TreeMap<>(Map.of()), new TreeMap<>(Map.of()));
    private final Request request = new Request(
            manifest.id(),
            "",
            0,
            new int[2_000],
            Sampling.GREEDY,
            1,
            new int[0],
            List.of(),
            Bytes32.ZERO,
            new byte[16]);
    private final Answer answer = new Answer(new int[1], "");
    private final AnswerView view = new AnswerView(manifest, NODE.publicKey(), request.promptTokens(), answer.tokens());
    private final Receipt receipt =
            Receipt.of(request, answer, new byte[32], view.layout().traceBytes(view.length()), 1, NODE);

    /** A model of which nothing may be asked. */
    private final class Untouched implements KnownModel {
        @Override
        public Manifest manifest() {
            return manifest;
        }

        @Override
        public RotaryTables rotary() {
            return fail("a table of positions was asked for");
        }

        @Override
        public LayerParameters parameters(int layer) {
            return fail("parameters were asked for");
        }

        @Override
        public float[] finalGain() {
            return fail("gains were asked for");
        }

        @Override
        public float[] outputScale() {
            return fail("scales were asked for");
        }

        @Override
        public int firstFalse(int layer, MatrixStack stack, int expert, byte[] x, int[] y, int rows) {
            return fail("products were asked for");
        }

        @Override
        public boolean hasFalseLogits(byte[] x, int[] y) {
            return fail("products were asked for");
        }
    }

    private Exhibit exhibit(OpeningLayout layout, byte[] proof, byte[] piece) {
        byte[] hashes = new byte[32 * layout.pieces()];
        Seal seal = Seal.sign(receipt.hash().bytes(), layout.cell(), layout.bytes(), hashes, NODE);
        return new Exhibit(seal, proof, layout.cell().from(), piece);
    }

    private String refusal(Exhibit exhibit) {
        try (OpeningCheck check = new OpeningCheck(new Untouched(), new WorkDigest())) {
            return assertThrows(
                            IllegalArgumentException.class,
                            () -> check.confirm(view, receipt, ChoiceRule.of(request, null), exhibit))
                    .getMessage();
        }
    }

    @Test
    void nothingIsMadeForAProofOrAPieceOfAnotherSize() {
        for (Cell cell : new Cell[] {new Cell(1, 1_500, 1_501), new Cell(2, 1_999, 2_000)}) {
            OpeningLayout layout = OpeningLayout.of(view, cell);
            byte[] proof = new byte[Math.toIntExact(layout.proof())];
            byte[] piece = new byte[Math.toIntExact(layout.tokenBytes(cell.from()))];
            assertTrue(
                    refusal(exhibit(layout, new byte[proof.length - 1], piece)).contains("The proof has"));
            assertTrue(
                    refusal(exhibit(layout, proof, new byte[piece.length + 4])).contains("piece has"));
        }
    }
}
