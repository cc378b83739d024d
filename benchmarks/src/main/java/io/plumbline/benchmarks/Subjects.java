package io.plumbline.benchmarks;

import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.TensorJson;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.TextEmbedder;
import io.plumbline.inference.tensor.Variants;
import io.plumbline.inference.tensor.speech.Recording;
import io.plumbline.inference.tensor.speech.VoiceActivity;
import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Tensor;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.imageio.ImageIO;

/**
 * ONNX models to measure tolerance on, each with real inputs: those that ship, and those of the test material where
 * it is.
 */
final class Subjects {
    private static final Path SHIPPED = Path.of("models");
    private static final List<String> SENTENCES = List.of(
            "Once there was a clever fox called Hugo.",
            "Every day he went to the mountain to play.",
            "Rain fell softly on the leaves.",
            "But his yellow lantern was gone!",
            "Sam looked behind every stone and could not find it.",
            "Ben felt upset. A clever fox named Lily saw him.",
            "The small mouse shared a cake with the old owl.",
            "A grey fog hid the path, and the boat was far from the lake.",
            "\"Can I help you?\" asked Lily.",
            "Together they looked all over the market and the park.",
            "That night Rosa slept well and dreamed of the river.",
            "A friend who helps is worth more than gold.");

    private final Path folder;
    private final Path material;

    /**
     * @param folder to import into.
     * @param material test material, or null; models that are not there are left out.
     */
    Subjects(Path folder, Path material) {
        this.folder = folder;
        this.material = material;
    }

    List<TestModel> all() throws IOException {
        List<TestModel> all = new ArrayList<>();
        List<Tensor> pictures = TensorJson.read(SHIPPED.resolve("plumbline-shapes/samples.json"));
        List<List<Tensor>> one = singles(pictures);
        Path small = SHIPPED.resolve("plumbline-shapes/shapes-small.onnx");
        all.add(new TestModel(
                "shapes", in("shapes", SHIPPED.resolve("plumbline-shapes/shapes.onnx")), none(), one, small));
        all.add(new TestModel(
                "shapes, int8",
                in("shapes-int8", SHIPPED.resolve("plumbline-shapes/shapes-int8.onnx")),
                none(),
                one,
                small));
        all.add(sentences());
        if (isHere("vision")) {
            all.add(mnist());
            all.add(faces());
            all.add(squeezeNet());
        }
        if (isHere("silero-vad")) {
            all.add(silero());
        }
        return all;
    }

    private boolean isHere(String part) {
        return material != null && Files.isDirectory(material.resolve(part));
    }

    private static ShapeRanges none() {
        return ShapeRanges.none();
    }

    private TensorPackage in(String name, Path file) throws IOException {
        return TensorPackage.importModel(file, folder.resolve(name), share -> {});
    }

    private static List<List<Tensor>> singles(List<Tensor> batch) {
        Tensor all = batch.getFirst();
        List<List<Tensor>> singles = new ArrayList<>();
        int bytes = all.data().length / (int) all.shape()[0];
        for (int i = 0; i < all.shape()[0]; i++) {
            long[] shape = all.shape().clone();
            shape[0] = 1;
            byte[] data = Arrays.copyOfRange(all.data(), i * bytes, (i + 1) * bytes);
            singles.add(List.of(new Tensor(all.name(), all.type(), shape, data)));
        }
        return singles;
    }

    private TestModel sentences() throws IOException {
        TensorPackage model = in("sentences", SHIPPED.resolve("plumbline-sentences/model.onnx"));
        List<List<Tensor>> real = new ArrayList<>();
        try (TextEmbedder embedder = TextEmbedder.open(model)) {
            for (String sentence : SENTENCES) {
                real.add(embedder.inputs(List.of(embedder.tokens(sentence))));
            }
        }
        return new TestModel("sentences", model, none(), real, null);
    }

    private static float[] numbers(Path csv) throws IOException {
        String[] parts = Files.readString(csv).strip().split("[,\\s]+");
        float[] numbers = new float[parts.length];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = Float.parseFloat(parts[i]);
        }
        return numbers;
    }

    private TestModel mnist() throws IOException {
        float[] digit = numbers(material.resolve("vision/mnist_28.csv"));
        Tensor input = Tensor.ofFloats("Input3", new long[] {1, 1, 28, 28}, digit);
        return new TestModel(
                "mnist", in("mnist", material.resolve("vision/mnist.onnx")), none(), List.of(List.of(input)), null);
    }

    private TestModel faces() throws IOException {
        List<List<Tensor>> real = new ArrayList<>();
        for (String file : List.of("1.jpg", "5.jpg", "12.jpg")) {
            real.add(List.of(Tensor.ofFloats(
                    "input",
                    new long[] {1, 3, 240, 320},
                    pixels(material.resolve("vision/" + file), 320, 240, 127, 128))));
        }
        return new TestModel("faces", in("faces", material.resolve("vision/version-RFB-320.onnx")), none(), real, null);
    }

    private TestModel squeezeNet() throws IOException {
        List<List<Tensor>> real = new ArrayList<>();
        for (String file : List.of("kitten_224.png", "fish.png")) {
            float[] values = pixels(material.resolve("vision/" + file), 224, 224, 118, 58);
            ByteBuffer halves = ByteBuffer.allocate(2 * values.length).order(ByteOrder.LITTLE_ENDIAN);
            for (float value : values) {
                halves.putShort(Float.floatToFloat16(value));
            }
            real.add(List.of(new Tensor("data_0", ElementType.FP16, new long[] {1, 3, 224, 224}, halves.array())));
        }
        return new TestModel(
                "squeezenet, fp16",
                in("squeezenet", material.resolve("vision/SqueezeNet_fp16.onnx")),
                none(),
                real,
                null);
    }

    /** A picture's channels, one after the other, each value less {@code mean} and over {@code scale}. */
    private static float[] pixels(Path file, int width, int height, float mean, float scale) throws IOException {
        BufferedImage picture = ImageIO.read(file.toFile());
        BufferedImage sized = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = sized.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BILINEAR);
        graphics.drawImage(picture, 0, 0, width, height, null);
        graphics.dispose();
        float[] values = new float[3 * width * height];
        for (int channel = 0; channel < 3; channel++) {
            for (int i = 0; i < width * height; i++) {
                int value = sized.getRGB(i % width, i / width) >> (16 - 8 * channel) & 0xFF;
                values[channel * width * height + i] = (value - mean) / scale;
            }
        }
        return values;
    }

    /** Every 150th window of the recording, with the state that the model has come to. */
    private TestModel silero() throws IOException {
        TensorPackage model = in("silero", material.resolve("silero-vad/silero_vad_16k_op15.onnx"));
        Recording recording = Recording.read(material.resolve("silero-vad/test.wav"));
        List<List<Tensor>> real;
        try (LoadedTensorModel loaded = Variants.reference(model)) {
            real = VoiceActivity.requests(loaded, recording, 150);
        }
        return new TestModel("silero-vad", model, ShapeRanges.parse(List.of("sequence=576")), real, null);
    }
}
