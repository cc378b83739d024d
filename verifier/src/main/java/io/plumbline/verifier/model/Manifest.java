package io.plumbline.verifier.model;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.numerics.Constants;
import io.plumbline.verifier.numerics.WeightFormat;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The canonical description of a model: a text file whose BLAKE3 hash is the model id, so {@code b3sum} names a
 * model. Change a single weight bit and a tensor's hash, and with it the id, changes.
 *
 * @param config shape and arithmetic.
 * @param files hashes of the files that decide how text becomes tokens, by name.
 * @param tensors all tensors, by name.
 */
public record Manifest(ModelConfig config, SortedMap<String, byte[]> files, SortedMap<String, Tensor> tensors) {
    /** Name of the file in a model's folder. */
    public static final String FILE_NAME = "plumbline.manifest";

    /** Characters that a message shows of what is wrong. */
    private static final int MOST_SHOWN = 300;

    private static final String FIRST_LINE = "plumbline-model 1";

    /** Dimensions of a tensor; models have four at most. */
    private static final int MAX_DIMENSIONS = 8;

    /** Words of a line about a file, and of one about a tensor. */
    private static final int FILE_WORDS = 3;

    private static final int TENSOR_WORDS = 5;

    /** A tensor's type, shape and the BLAKE3 hash of its bytes. */
    public record Tensor(String dtype, int[] shape, byte[] hash) {
        public Tensor {
            if (shape.length > MAX_DIMENSIONS) {
                throw new IllegalArgumentException("A tensor has more than " + MAX_DIMENSIONS + " dimensions.");
            }
            for (int size : shape) {
                if (size < 1) {
                    throw new IllegalArgumentException("A tensor's shape has a size of " + size + ".");
                }
            }
        }

        /** How its weights are stored; null where it is no matrix's. */
        public WeightFormat format() {
            return shape.length == 2 ? WeightFormat.of(dtype) : null;
        }

        /** Its type in a file of safetensors, which has no name for packed weights: these are bytes there. */
        public String storedType() {
            return isPacked() ? "U8" : dtype;
        }

        /** Its shape there. */
        public int[] storedShape() {
            return isPacked() ? new int[] {shape[0], rowBytes()} : shape.clone();
        }

        private boolean isPacked() {
            return format() != null && format().isGrouped();
        }

        /** Bytes of one row: all but the first dimension. */
        public int rowBytes() {
            if (isPacked()) {
                return format().rowBytes(shape[1]);
            }
            int elements = 1;
            for (int i = 1; i < shape.length; i++) {
                elements = Math.multiplyExact(elements, shape[i]);
            }
            return Math.multiplyExact(elements, elementBytes());
        }

        /** Bytes of the whole tensor. */
        public long bytes() {
            return (long) shape[0] * rowBytes();
        }

        private int elementBytes() {
            return switch (dtype) {
                case "I8" -> 1;
                case "BF16", "F16" -> 2;
                case "F32" -> 4;
                default -> throw new IllegalArgumentException("Tensor type " + dtype + " is not supported.");
            };
        }
    }

    public Manifest {
        files = new TreeMap<>(files);
        tensors = new TreeMap<>(tensors);
    }

    /** The canonical text. */
    public String text() {
        StringBuilder text = new StringBuilder(FIRST_LINE).append('\n');
        text.append("contract ").append(config.contractVersion()).append('\n');
        text.append(config.toLine()).append('\n');
        for (Map.Entry<String, byte[]> file : files.entrySet()) {
            text.append("file ")
                    .append(file.getKey())
                    .append(' ')
                    .append(Blake3.hex(file.getValue()))
                    .append('\n');
        }
        for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
            Tensor tensor = entry.getValue();
            List<String> sizes = new ArrayList<>();
            for (int size : tensor.shape()) {
                sizes.add(Integer.toString(size));
            }
            text.append("tensor ")
                    .append(entry.getKey())
                    .append(' ')
                    .append(tensor.dtype())
                    .append(' ');
            text.append(String.join("x", sizes))
                    .append(' ')
                    .append(Blake3.hex(tensor.hash()))
                    .append('\n');
        }
        return text.toString();
    }

    /** The model id: 32 bytes. */
    public Bytes32 id() {
        return Bytes32.of(Blake3.hash(text().getBytes(StandardCharsets.UTF_8)));
    }

    /** The named tensor, or an error that says it is missing. */
    public Tensor tensor(String name) {
        Tensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new IllegalArgumentException("The model has no tensor \"" + name + "\".");
        }
        return tensor;
    }

    /** The named tensor, of exactly this shape: what a model's shape asks for, not only what its manifest says. */
    public Tensor tensor(String name, int... shape) {
        Tensor tensor = tensor(name);
        if (!Arrays.equals(tensor.shape(), shape)) {
            throw new IllegalArgumentException("Tensor \"" + name + "\" has shape " + Arrays.toString(tensor.shape())
                    + " where the model's is " + Arrays.toString(shape) + ".");
        }
        return tensor;
    }

    /** The matrix of this name, of exactly this shape. */
    public Tensor matrix(String name, int rows, int columns) {
        Tensor tensor = tensor(name, rows, columns);
        if (tensor.format() == null) {
            throw new IllegalArgumentException(
                    "Tensor \"" + name + "\" is of type " + tensor.dtype() + " where a matrix is int8 or int4.");
        }
        return tensor;
    }

    /** The tensor in which a layer's matrix has these rows. Digits are int8: no other format has digits. */
    public Tensor matrix(MatrixStack stack, TensorRows part) {
        Tensor tensor = matrix(part.weight(), part.tensorRows(), part.columns());
        if (stack.hasDigits() && tensor.format() != WeightFormat.INT8) {
            throw new IllegalArgumentException(
                    "Tensor \"" + part.weight() + "\" is of type " + tensor.dtype() + " where digits are int8.");
        }
        return tensor;
    }

    /** Reads a canonical text; anything else is refused. */
    public static Manifest parse(String text) {
        try {
            String[] lines = ManifestText.lines(text);
            if (!lines[0].equals(FIRST_LINE)) {
                throw new IllegalArgumentException("the first line is not \"" + FIRST_LINE + "\"");
            }
            if (!lines[1].matches("contract [1-" + Constants.CONTRACT_VERSION + "]")) {
                throw new IllegalArgumentException(
                        "it says \"" + lines[1] + "\", this program runs contracts 1 to " + Constants.CONTRACT_VERSION);
            }
            ModelConfig config = ModelConfig.fromLine(lines[2]);
            SortedMap<String, byte[]> files = new TreeMap<>();
            SortedMap<String, Tensor> tensors = new TreeMap<>();
            for (String line : Arrays.asList(lines).subList(3, lines.length)) {
                boolean isFile = line.startsWith("file ");
                String[] part = ManifestText.parts(line, ' ', isFile ? FILE_WORDS : TENSOR_WORDS);
                if (isFile) {
                    files.put(part[1], hash(part[2]));
                } else {
                    int[] shape = Arrays.stream(ManifestText.parts(part[3], 'x', MAX_DIMENSIONS))
                            .mapToInt(Integer::parseInt)
                            .toArray();
                    tensors.put(part[1], new Tensor(part[2], shape, hash(part[4])));
                }
            }
            Manifest manifest = new Manifest(config, files, tensors);
            if (!manifest.text().equals(text)) {
                throw new IllegalArgumentException("it is not in canonical form");
            }
            return manifest;
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            // Of an index the virtual machine says nothing once this is compiled, and refusals are to be the same
            // everywhere.
            String why = e instanceof IllegalArgumentException ? String.valueOf(e.getMessage()) : "a word is missing";
            // A stranger's line may have millions of characters.
            String shown = why.length() > MOST_SHOWN ? why.substring(0, MOST_SHOWN) + "..." : why;
            throw new IllegalArgumentException(
                    "Not a model manifest: " + shown + ". Import the model again with this version.", e);
        }
    }

    private static byte[] hash(String hex) {
        byte[] hash = HexFormat.of().parseHex(hex);
        if (hash.length != Blake3.HASH_BYTES) {
            throw new IllegalArgumentException("a hash has " + hash.length + " bytes");
        }
        return hash;
    }
}
