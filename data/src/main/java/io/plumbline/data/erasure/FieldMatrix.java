package io.plumbline.data.erasure;

/** Matrices over {@link GaloisField}. */
final class FieldMatrix {
    private FieldMatrix() {}

    /**
     * The code's matrix: {@code n} rows of {@code k}, any {@code k} of which can be inverted; the first {@code k} are
     * the identity, so that the first shards are the data. A Vandermonde matrix times the inverse of its top (James
     * Plank's correction of 2003).
     */
    static int[][] code(int k, int n) {
        int[][] vandermonde = new int[n][k];
        for (int row = 0; row < n; row++) {
            for (int column = 0; column < k; column++) {
                vandermonde[row][column] = GaloisField.power(row, column);
            }
        }
        int[][] top = new int[k][];
        System.arraycopy(vandermonde, 0, top, 0, k);
        return multiply(vandermonde, invert(top));
    }

    static int[][] multiply(int[][] a, int[][] b) {
        int[][] product = new int[a.length][b[0].length];
        for (int row = 0; row < a.length; row++) {
            for (int column = 0; column < b[0].length; column++) {
                for (int i = 0; i < b.length; i++) {
                    product[row][column] ^= GaloisField.multiply(a[row][i], b[i][column]);
                }
            }
        }
        return product;
    }

    /** The inverse of a square matrix, by elimination; the matrix stays as it is. */
    static int[][] invert(int[][] matrix) {
        int size = matrix.length;
        int[][] left = new int[size][];
        int[][] right = new int[size][size];
        for (int i = 0; i < size; i++) {
            left[i] = matrix[i].clone();
            right[i][i] = 1;
        }
        for (int pivot = 0; pivot < size; pivot++) {
            int row = pivot;
            while (row < size && left[row][pivot] == 0) {
                row++;
            }
            if (row == size) {
                throw new IllegalArgumentException("The matrix has no inverse.");
            }
            swap(left, row, pivot);
            swap(right, row, pivot);
            int scale = GaloisField.invert(left[pivot][pivot]);
            scale(left[pivot], scale);
            scale(right[pivot], scale);
            for (int other = 0; other < size; other++) {
                if (other != pivot) {
                    int factor = left[other][pivot];
                    subtract(left[other], left[pivot], factor);
                    subtract(right[other], right[pivot], factor);
                }
            }
        }
        return right;
    }

    private static void swap(int[][] rows, int a, int b) {
        int[] row = rows[a];
        rows[a] = rows[b];
        rows[b] = row;
    }

    private static void scale(int[] row, int factor) {
        for (int i = 0; i < row.length; i++) {
            row[i] = GaloisField.multiply(row[i], factor);
        }
    }

    private static void subtract(int[] row, int[] other, int factor) {
        for (int i = 0; i < row.length; i++) {
            row[i] ^= GaloisField.multiply(other[i], factor);
        }
    }
}
