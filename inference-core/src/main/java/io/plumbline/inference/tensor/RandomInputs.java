package io.plumbline.inference.tensor;

import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorManifest;
import io.plumbline.verifier.tensor.TensorRequest;
import io.plumbline.verifier.tensor.TensorSpec;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import java.util.function.ToLongFunction;

/**
 * Inputs that a model takes, with random elements: floats as of normalized data, small integers, since most are
 * indexes.
 */
public final class RandomInputs {
    private static final int INTEGERS = 8;

    private RandomInputs() {}

    /** Inputs of the usual shape with so many rows. */
    public static List<Tensor> of(TensorManifest manifest, ShapeRanges shapes, int rows, Random random) {
        return of(manifest, shapes, ShapeRanges.Range::usual, rows, random);
    }

    /**
     * Inputs with so many rows.
     *
     * @param size which of the declared sizes; that of dimensions that nothing is said about is the usual one.
     * @throws IllegalArgumentException where they would be larger than a request.
     */
    static List<Tensor> of(
            TensorManifest manifest,
            ShapeRanges shapes,
            ToLongFunction<ShapeRanges.Range> size,
            int rows,
            Random random) {
        String batch = manifest.batchDimension();
        // Half of the inputs are as of standardized data, half as of pixels.
        boolean isNormal = random.nextBoolean();
        List<Tensor> inputs = new ArrayList<>();
        for (TensorSpec spec : manifest.inputs()) {
            long[] shape = new long[spec.dimensions().size()];
            for (int i = 0; i < shape.length; i++) {
                String dimension = spec.dimensions().get(i);
                ShapeRanges.Range range = shapes.of(dimension);
                boolean isDeclared = shapes.byName().containsKey(dimension);
                shape[i] = dimension.equals(batch) ? rows : isDeclared ? size.applyAsLong(range) : range.usual();
            }
            long elements = Tensor.elements(spec.name(), shape);
            if (elements * Math.max(4, spec.type().bytes()) > TensorRequest.MAX_BYTES) {
                throw new IllegalArgumentException("Input " + spec + " of shape " + Arrays.toString(shape)
                        + " is larger than a request, which has at most " + TensorRequest.MAX_BYTES
                        + " bytes. Declare smaller sizes with --shape.");
            }
            inputs.add(tensor(spec.name(), spec.type(), shape, (int) elements, isNormal, random));
        }
        return inputs;
    }

    private static Tensor tensor(
            String name, ElementType type, long[] shape, int elements, boolean isNormal, Random random) {
        if (type == ElementType.BYTES) {
            List<byte[]> texts = new ArrayList<>();
            for (int i = 0; i < elements; i++) {
                texts.add(Integer.toString(random.nextInt(INTEGERS)).getBytes(StandardCharsets.US_ASCII));
            }
            return Tensor.ofStrings(name, shape, texts);
        }
        ByteBuffer out = ByteBuffer.allocate(elements * type.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < elements; i++) {
            float real = isNormal ? (float) random.nextGaussian() : random.nextFloat();
            switch (type) {
                case FP32 -> out.putFloat(real);
                case FP64 -> out.putDouble(real);
                case FP16 -> out.putShort(Float.floatToFloat16(real));
                case BF16 -> out.putShort((short) (Float.floatToRawIntBits(real) >>> 16));
                case BOOL -> out.put((byte) random.nextInt(2));
                default -> {
                    long integer = random.nextInt(INTEGERS);
                    switch (type.bytes()) {
                        case 1 -> out.put((byte) integer);
                        case 2 -> out.putShort((short) integer);
                        case 4 -> out.putInt((int) integer);
                        default -> out.putLong(integer);
                    }
                }
            }
        }
        return new Tensor(name, type, shape, out.array());
    }

    /** The same inputs with each float so many times as large. */
    public static List<Tensor> scaled(List<Tensor> inputs, double scale) {
        return inputs.stream()
                .map(input -> mapped(input, value -> value * scale))
                .toList();
    }

    /** The same inputs with each float off by up to one part in a hundred: more inputs like those that are there. */
    public static List<Tensor> near(List<Tensor> inputs, Random random) {
        return inputs.stream()
                .map(input -> mapped(input, value -> value * (1 + (random.nextDouble() - 0.5) / 50)))
                .toList();
    }

    /**
     * The same inputs as if each float had been rounded otherwise. Whole numbers stay: they are masks, indexes or
     * pixels, which no engine rounds, and a mask that is off a little is multiplied with large constants.
     *
     * @param relative most that an element is off by, as a part of itself.
     */
    static List<Tensor> rounded(List<Tensor> inputs, double relative, Random random) {
        return inputs.stream()
                .map(input -> mapped(
                        input,
                        value -> value == Math.rint(value)
                                ? value
                                : value * (1 + relative * (2 * random.nextDouble() - 1))))
                .toList();
    }

    private static Tensor mapped(Tensor input, DoubleUnaryOperator change) {
        if (input.type() != ElementType.FP32 && input.type() != ElementType.FP16) {
            return input;
        }
        double[] values = input.values();
        ByteBuffer out = ByteBuffer.allocate(input.data().length).order(ByteOrder.LITTLE_ENDIAN);
        for (double value : values) {
            float moved = (float) change.applyAsDouble(value);
            if (input.type() == ElementType.FP32) {
                out.putFloat(moved);
            } else {
                out.putShort(Float.floatToFloat16(moved));
            }
        }
        return new Tensor(input.name(), input.type(), input.shape(), out.array());
    }
}
