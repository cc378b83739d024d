package io.plumbline.inference.language.engine;

import io.plumbline.verifier.model.HeadRows;
import io.plumbline.verifier.model.ModelConfig;
import java.util.List;

/**
 * A batch on its way through the layers, row by row: a row is a token of one of its segments. Every array is
 * row-major, grows with the largest batch and is used again by the next.
 */
final class BatchRows {
    /** Rows that one task of attention or of the trace takes. */
    private static final int ROW_TILE = 16;

    private final ModelConfig config;
    private int capacity;
    private int count;
    private List<Segment> segments;

    /** Residuals, {@code [rows][hidden]}: what every layer adds to. */
    float[] h;

    /** int8 inputs of the next product, of any of a layer's widths. */
    byte[] x = new byte[0];

    /** A row's scale of {@link #x}. */
    float[] scales = new float[0];

    /** int32 products, of any of a layer's widths. */
    int[] y = new int[0];

    /** Queries, and keys and values as they go into the cache. */
    HeadRows heads;

    /** Outputs of all heads, one beside the other, {@code [rows][elements of all query heads]}. */
    float[] joined = new float[0];

    private int[] positions = new int[0];
    private int[] segmentOf = new int[0];
    private Segment[] owners = new Segment[0];
    private int tiles;
    private int[] tileSegment = new int[0];
    private int[] tileRow = new int[0];
    private int[] tileCount = new int[0];

    BatchRows(ModelConfig config) {
        this.config = config;
    }

    /** Makes room for so many rows. */
    void reserve(int rows) {
        if (capacity >= rows) {
            return;
        }
        capacity = rows;
        int mlp = config.widestMlp();
        x = new byte[rows * Math.max(config.hidden(), Math.max(config.widestHeads(), mlp))];
        y = new int[rows * Math.max(config.widestQkv(), Math.max(2 * mlp, config.hidden()))];
        heads = HeadRows.of(config, rows);
        joined = new float[rows * config.widestQueries()];
        scales = new float[rows];
        positions = new int[rows];
        segmentOf = new int[rows];
        owners = new Segment[rows];
        tileSegment = new int[rows];
        tileRow = new int[rows];
        tileCount = new int[rows];
    }

    /** Takes a batch whose residuals are {@code residuals}, a row for each token of each segment. */
    void begin(List<Segment> batch, float[] residuals) {
        segments = batch;
        h = residuals;
        count = 0;
        for (int s = 0; s < batch.size(); s++) {
            count += batch.get(s).count();
        }
        reserve(count);
        int row = 0;
        tiles = 0;
        for (int s = 0; s < batch.size(); s++) {
            Segment segment = batch.get(s);
            for (int i = 0; i < segment.count(); i += ROW_TILE) {
                tileSegment[tiles] = s;
                tileRow[tiles] = row + i;
                tileCount[tiles++] = Math.min(ROW_TILE, segment.count() - i);
            }
            for (int i = 0; i < segment.count(); i++) {
                positions[row] = segment.first() + i;
                segmentOf[row] = s;
                owners[row++] = segment;
            }
        }
    }

    int count() {
        return count;
    }

    List<Segment> segments() {
        return segments;
    }

    /** Where in its sequence a row's token stands. */
    int position(int row) {
        return positions[row];
    }

    /** The keys and values of a row's sequence. */
    KvCache.PageTable cache(int row) {
        return owners[row].cache();
    }

    /** Index of a row's segment. */
    int segment(int row) {
        return segmentOf[row];
    }

    /** Tiles are consecutive rows of one segment each. */
    int tiles() {
        return tiles;
    }

    /** Index of a tile's segment. */
    int tileSegment(int tile) {
        return tileSegment[tile];
    }

    int tileRow(int tile) {
        return tileRow[tile];
    }

    int tileCount(int tile) {
        return tileCount[tile];
    }
}
