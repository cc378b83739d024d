package io.plumbline.verifier.audit;

import io.plumbline.verifier.model.LayerMatrix;
import io.plumbline.verifier.model.LayerParameters;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.MatrixStack;
import io.plumbline.verifier.model.RotaryTables;
import io.plumbline.verifier.model.VerifierKey;

/**
 * What a checker knows of a model: its small parameters, and how to tell that products are not those of its matrices.
 */
interface KnownModel {
    Manifest manifest();

    /** Of the positions whose rows are checked at least. */
    RotaryTables rotary();

    LayerParameters parameters(int layer);

    /** Norm after the last layer. */
    float[] finalGain();

    /** Row scales of the output matrix. */
    float[] outputScale();

    /**
     * The first of {@code rows} rows of inputs and claimed products of a layer's matrix that does not hold, or -1.
     *
     * @param expert that the matrix belongs to; {@link LayerMatrix#NO_EXPERT} where to none.
     */
    int firstFalse(int layer, MatrixStack stack, int expert, byte[] x, int[] y, int rows);

    /** Whether the claimed logits' products of one row do not hold. */
    boolean hasFalseLogits(byte[] x, int[] y);

    /** By Freivalds' check, with a verifier key. */
    record ByKey(VerifierKey key) implements KnownModel {
        @Override
        public Manifest manifest() {
            return key.manifest();
        }

        @Override
        public RotaryTables rotary() {
            return key.rotary();
        }

        @Override
        public LayerParameters parameters(int layer) {
            return key.layers().get(layer).parameters();
        }

        @Override
        public float[] finalGain() {
            return key.finalGain();
        }

        @Override
        public float[] outputScale() {
            return key.outputScale();
        }

        @Override
        public int firstFalse(int layer, MatrixStack stack, int expert, byte[] x, int[] y, int rows) {
            return key.matrix(layer, stack, expert).firstFalse(x, y, rows);
        }

        @Override
        public boolean hasFalseLogits(byte[] x, int[] y) {
            return key.output().firstFalse(x, y, 1) >= 0;
        }
    }
}
