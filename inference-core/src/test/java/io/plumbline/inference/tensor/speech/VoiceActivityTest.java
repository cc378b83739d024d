package io.plumbline.inference.tensor.speech;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.Material;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.Variants;
import io.plumbline.inference.tensor.speech.VoiceActivity.Segment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VoiceActivityTest {
    private static final double STEP = 0.032;

    @TempDir
    Path folder;

    private static float[] windows(int count, int... speech) {
        float[] probabilities = new float[count];
        for (int i = 0; i < speech.length; i += 2) {
            Arrays.fill(probabilities, speech[i], speech[i + 1], 0.9f);
        }
        return probabilities;
    }

    @Test
    void speechBeginsAndEndsWithAMargin() {
        List<Segment> found = VoiceActivity.segments(windows(100, 20, 40), 100 * STEP);
        assertEquals(1, found.size());
        assertEquals(20 * STEP - 0.03, found.getFirst().from(), 1e-9);
        assertEquals(40 * STEP + 0.03, found.getFirst().to(), 1e-9);
        assertEquals(0.9, found.getFirst().mean(), 1e-6);
    }

    @Test
    void shortPausesAreSpannedAndShortSoundsAreNone() {
        assertEquals(
                1,
                VoiceActivity.segments(windows(100, 20, 40, 42, 60), 100 * STEP).size());
        assertEquals(
                2,
                VoiceActivity.segments(windows(100, 20, 40, 50, 60), 100 * STEP).size());
        assertEquals(0, VoiceActivity.segments(windows(100, 20, 26), 100 * STEP).size());
        assertEquals(
                100 * STEP,
                VoiceActivity.segments(windows(100, 80, 100), 100 * STEP)
                        .getFirst()
                        .to(),
                1e-9);
        assertEquals(0, VoiceActivity.segments(new float[0], 0).size());
    }

    @Test
    void aRecordingIsCutIntoSpeechAndSilence() throws Exception {
        Path file = Material.of("silero-vad/silero_vad_16k_op15.onnx");
        TensorPackage model = TensorPackage.importModel(file, folder.resolve("vad"), share -> {});
        VoiceActivity.check(model.manifest());
        Recording recording = Recording.read(Material.of("silero-vad/test.wav"));
        assertEquals(60, recording.seconds(), 1e-9);
        float[] probabilities;
        try (LoadedTensorModel loaded = Variants.reference(model)) {
            probabilities = VoiceActivity.probabilities(loaded, recording, share -> {});
        }
        assertEquals(1875, probabilities.length);
        List<Segment> segments = VoiceActivity.segments(probabilities, recording.seconds());
        double speech = segments.stream().mapToDouble(s -> s.to() - s.from()).sum();
        assertTrue(speech > 45 && speech < 52, speech + " s of speech");
        // Nobody speaks from 7.2 to 9.2 s: the samples there are a twentieth as loud.
        assertTrue(segments.stream().noneMatch(s -> s.from() < 9.2 && s.to() > 7.2), segments.toString());
        String svg = SpeechPlot.svg("a <b> & c", recording, probabilities, segments);
        assertTrue(svg.contains("a &lt;b&gt; &amp; c") && svg.endsWith("</svg>\n"));
    }

    @Test
    void whatIsNoRecordingOrNoVoiceModelIsSaidToBeNone() throws Exception {
        Path text = Files.writeString(folder.resolve("text.wav"), "this is text, and long enough to look at");
        assertTrue(assertThrows(IOException.class, () -> Recording.read(text))
                .getMessage()
                .contains("no sound file"));
        TensorPackage shapes = TensorPackage.importModel(
                Path.of("../models/plumbline-shapes/shapes.onnx"), folder.resolve("shapes"), share -> {});
        assertTrue(assertThrows(IOException.class, () -> VoiceActivity.check(shapes.manifest()))
                .getMessage()
                .contains("The model takes [image]"));
    }
}
