package io.plumbline.node.cli.role;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.OnnxRuntimeBackend;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.TensorBackend;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.node.network.Events;
import io.plumbline.verifier.tensor.Precision;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleConsumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which backend serves a model: the best that takes it, on the device that is asked for. */
class TensorOptionsTest {
    @TempDir
    Path folder;

    private final ByteArrayOutputStream said = new ByteArrayOutputStream();
    private final Events events = new Events(new PrintStream(said, true, StandardCharsets.UTF_8));
    private final List<String> tried = new ArrayList<>();
    private TensorPackage model;

    /** A device's backend that is there, and whose builds fail. */
    private final class Unbuilding implements TensorBackend {
        private final String device;

        Unbuilding(String device) {
            this.device = device;
        }

        @Override
        public String name() {
            return "tensorrt";
        }

        @Override
        public String absence() {
            return null;
        }

        @Override
        public List<Precision> precisions() {
            return List.of(Precision.values());
        }

        @Override
        public TensorBackend onDevice(String name) {
            return new Unbuilding(name);
        }

        @Override
        public LoadedTensorModel load(
                TensorPackage model, Precision precision, ShapeRanges shapes, int threads, DoubleConsumer progress)
                throws IOException {
            tried.add(device);
            throw new IOException("Input \"ids\" decides a shape.");
        }
    }

    @BeforeEach
    void load() throws IOException {
        model = TensorPackage.importModel(
                Path.of("../models/plumbline-shapes/shapes.onnx"), folder.resolve("shapes"), share -> {});
    }

    private LoadedTensorModel load(String device, Precision precision) throws IOException {
        return new TensorOptions(List.of(new OnnxRuntimeBackend(), new Unbuilding("first")))
                .load(model, precision, ShapeRanges.none(), device, 1, events);
    }

    @Test
    void autoGoesOnWithOnnxRuntimeWhereABuildFailsAndSaysWhy() throws Exception {
        try (LoadedTensorModel loaded = load("auto", Precision.FP32)) {
            assertEquals("onnxruntime", loaded.fingerprint().backend());
        }
        assertEquals(List.of("first"), tried);
        String text = said.toString(StandardCharsets.UTF_8);
        assertTrue(text.contains("not-used") && text.contains("decides a shape"), text);
        // What it cannot compute in is said too, by the last that was tried.
        String why = assertThrows(IOException.class, () -> load("auto", Precision.TF32))
                .getMessage();
        assertTrue(why.contains("ONNX Runtime computes as the model is written"), why);
    }

    @Test
    void aDeviceIsTakenByItsNameAndNoOther() throws Exception {
        List<String> names = List.of("3", "GPU-00112233-4455-6677-8899-aabbccddee00", "0000:17:00.0");
        for (String name : names) {
            assertThrows(IOException.class, () -> load(name, Precision.FP32));
        }
        assertEquals(names, tried);
        try (LoadedTensorModel loaded = load("cpu", Precision.FP32)) {
            assertEquals("onnxruntime", loaded.fingerprint().backend());
        }
        assertEquals(names, tried);
    }
}
