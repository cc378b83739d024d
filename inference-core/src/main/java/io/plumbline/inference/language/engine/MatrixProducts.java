package io.plumbline.inference.language.engine;

import io.plumbline.inference.language.kernels.IntKernels;
import io.plumbline.inference.language.model.LoadedModel.Matrix;

/** Products of int8 activations with matrices, shared among workers by weight rows. One caller at a time. */
final class MatrixProducts {
    /** A product of fewer int8 multiplications is not worth sharing. */
    private static final long LEAST_SHARED = 1 << 19;

    /** Weight rows that the kernels take together. */
    private static final int PANEL_ROWS = 32;

    private final Workers workers;
    private final IntKernels[] kernels;
    private final Workers.Task multiplySlice = this::multiplySlice;
    private final Matrix[] matrices = new Matrix[4];
    private byte[] x;
    private int[] y;
    private int rows;
    private int matrixCount;
    private int outputs;
    private int sliceRows;

    /** @param kernels one for each worker. */
    MatrixProducts(Workers workers, IntKernels[] kernels) {
        this.workers = workers;
        this.kernels = kernels;
    }

    /**
     * {@code y = x W^T} for up to four matrices that stand one on the other; null for those that are not there.
     *
     * @param x int8 inputs, {@code [rows][columns]}.
     * @param y receives int32 products, {@code [rows][outputs]}.
     * @param outputs rows of all matrices together.
     */
    void multiply(byte[] x, int rows, int[] y, int outputs, Matrix a, Matrix b, Matrix c, Matrix d) {
        this.x = x;
        this.rows = rows;
        this.y = y;
        this.outputs = outputs;
        matrixCount = 0;
        add(a);
        add(b);
        add(c);
        add(d);
        boolean isSmall = (long) rows * outputs * a.columns() < LEAST_SHARED;
        int parts = isSmall ? 1 : 2 * workers.count();
        sliceRows = (outputs / parts + PANEL_ROWS - 1) / PANEL_ROWS * PANEL_ROWS;
        workers.run((outputs + sliceRows - 1) / sliceRows, multiplySlice);
    }

    private void add(Matrix matrix) {
        if (matrix != null) {
            matrices[matrixCount++] = matrix;
        }
    }

    /** The same for one matrix. */
    void multiply(byte[] x, int rows, int[] y, int outputs, Matrix a) {
        multiply(x, rows, y, outputs, a, null, null, null);
    }

    /** Rows {@code from} to {@code to} of one matrix; see {@link IntKernels#multiply}. */
    static void multiply(
            IntKernels kernels,
            Matrix matrix,
            byte[] x,
            int xOffset,
            int rows,
            int from,
            int to,
            int[] y,
            int yOffset,
            int yStride) {
        int k = matrix.columns();
        if (matrix.format().isGrouped()) {
            kernels.multiplyGrouped(
                    x, xOffset, rows, k, matrix.weights(), matrix.format(), from, to, y, yOffset, yStride);
        } else {
            kernels.multiply(x, xOffset, rows, k, matrix.weights(), from, to, y, yOffset, yStride);
        }
    }

    private void multiplySlice(int worker, int slice) {
        int from = slice * sliceRows;
        int to = Math.min(outputs, from + sliceRows);
        int start = 0;
        for (int i = 0; i < matrixCount; i++) {
            Matrix matrix = matrices[i];
            int begin = Math.max(from, start) - start;
            int end = Math.min(to, start + matrix.rows()) - start;
            if (begin < end) {
                multiply(kernels[worker], matrix, x, 0, rows, begin, end, y, start, outputs);
            }
            start += matrix.rows();
        }
    }
}
