package io.plumbline.inference.language.checkpoint;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.checkpoint.family.Family;
import io.plumbline.inference.language.checkpoint.family.TensorPlace;
import io.plumbline.verifier.model.TensorNames;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A checkpoint under the names of this project's description, whatever its family calls them and however it fuses,
 * orders or scales them.
 */
public final class CanonicalCheckpoint implements Checkpoint {
    private final Checkpoint source;
    private final Family.Description description;

    /** @param description of the source's family. */
    public CanonicalCheckpoint(Checkpoint source, Family.Description description) {
        this.source = source;
        this.description = description;
    }

    @Override
    public Weights require(String name, int... shape) throws IOException {
        List<TensorPlace> parts = description.places().parts(name);
        if (parts.size() == 1) {
            return require(parts.getFirst(), shape);
        }
        int[] each = shape.clone();
        each[0] = shape[0] / parts.size();
        List<Weights> found = new ArrayList<>();
        for (TensorPlace part : parts) {
            found.add(require(part, each));
            if (!found.getLast().dtype().equals(found.getFirst().dtype())) {
                throw new IOException(origin() + ": tensor \"" + part.name() + "\" is of type "
                        + found.getLast().dtype() + ", others of its kind are of type "
                        + found.getFirst().dtype() + ". Nothing was loaded.");
            }
        }
        return new StackedWeights(name, found);
    }

    private Weights require(TensorPlace place, int... shape) throws IOException {
        int[] there = shape.clone();
        there[0] = place.rows() == 0 ? shape[0] : place.rows();
        Weights found = open(place, there);
        if (place.rows() != 0 || !isInOrder(place, shape[0])) {
            found = new SelectedRows(
                    found,
                    shape[0],
                    shape.length == 1,
                    r -> place.from() + place.order().applyAsInt(r));
        }
        return scaled(found, place);
    }

    private Weights open(TensorPlace place, int... shape) throws IOException {
        String name = place.name();
        int rows = shape[0] / place.parts();
        return switch (place.storage()) {
            case PLAIN -> source.require(name, shape);
            case ROWS -> source.require(name, place.parts(), rows);
            case CHANNELS -> source.require(name, place.parts(), 1, rows);
            case STACKED -> source.require(name, place.parts(), rows, shape[1]);
            case TRANSPOSED -> TransposedWeights.of(source, name, place.parts(), rows, shape[1]);
            case MXFP4 -> Mxfp4Weights.of(source, name, place.parts(), rows, shape[1]);
        };
    }

    /** The output matrix where it is the embedding, scaled as that of its own would be. */
    public Weights tiedOutput(Weights embedding) {
        return scaled(embedding, description.places().of(TensorNames.OUTPUT_WEIGHT));
    }

    private static boolean isInOrder(TensorPlace place, int rows) {
        for (int r = 0; r < rows; r++) {
            if (place.order().applyAsInt(r) != r) {
                return false;
            }
        }
        return true;
    }

    /** An int8 matrix is scaled by its row scales alone. */
    private static Weights scaled(Weights found, TensorPlace place) {
        boolean isPlain = place.factor() == 1 && place.plus() == 0;
        return isPlain || found.dtype().equals("I8") ? found : scaled(found, place.factor(), place.plus());
    }

    @Override
    public String origin() {
        return source.origin();
    }

    @Override
    public ObjectNode config() {
        return source.config();
    }

    @Override
    public Map<String, byte[]> tokenFiles() throws IOException {
        return source.tokenFiles();
    }

    @Override
    public List<String> unused() {
        return source.unused().stream().filter(name -> !isLeftOut(name)).toList();
    }

    /** Tensors that nothing has asked for and that belong to parts that are not run. */
    public List<String> notRun() {
        return source.unused().stream().filter(this::isLeftOut).toList();
    }

    private boolean isLeftOut(String name) {
        return description.leftOut().stream().anyMatch(name::startsWith);
    }

    @Override
    public void close() {
        source.close();
    }

    /** A tensor whose values are {@code factor * x + plus}. */
    private static Weights scaled(Weights of, float factor, float plus) {
        int columns = of.columns();
        return new TransformedRows(of, row -> {
            for (int i = 0; i < columns; i++) {
                row[i] = factor * row[i] + plus;
            }
        });
    }
}
