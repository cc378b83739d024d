package io.plumbline.node.cli;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.ParameterException;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.TensorJson;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.Variants;
import io.plumbline.inference.tensor.speech.Recording;
import io.plumbline.inference.tensor.speech.SpeechPlot;
import io.plumbline.inference.tensor.speech.VoiceActivity;
import io.plumbline.inference.tensor.speech.VoiceActivity.Segment;
import io.plumbline.node.network.Terminal;
import io.plumbline.verifier.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;

/** {@code plumbline speech MODEL WAV}: when somebody speaks in a recording. */
@Parameters(commandNames = "speech", commandDescription = "Find the speech in a recording with a voice activity model.")
public final class SpeechCommand extends CommandOptions implements Callable<Integer> {
    /** Windows from one written request to the next. */
    private static final int EVERY = 100;

    @Parameter(description = "DIR WAV: imported voice activity model of Silero's form; recording, 16-bit at 16 kHz")
    private List<Path> paths = new ArrayList<>();

    @Parameter(names = "--picture", description = "FILE.svg: draw the probability of speech over time")
    private Path picture;

    @Parameter(names = "--table", description = "FILE.csv: write the probability of every window")
    private Path table;

    @Parameter(
            names = "--requests",
            description =
                    "DIR: also write every 100th window, with the state there, as a request to calibrate the model with")
    private Path requests;

    @Parameter(names = "--json", description = "print one JSON object")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        if (paths.size() != 2) {
            throw new ParameterException("Name two: the imported model's folder, and the recording.");
        }
        TensorPackage model = TensorPackage.open(paths.get(0));
        VoiceActivity.check(model.manifest());
        Recording recording = Recording.read(paths.get(1));
        float[] probabilities;
        try (LoadedTensorModel loaded = Variants.reference(model);
                ProgressBar bar = Terminal.progress("speech")) {
            probabilities = VoiceActivity.probabilities(loaded, recording, share -> bar.stepTo((long) (share * 100)));
        }
        if (requests != null) {
            writeRequests(model, recording);
        }
        List<Segment> segments = VoiceActivity.segments(probabilities, recording.seconds());
        if (json) {
            print(recording, probabilities, segments);
        } else {
            show(recording, probabilities, segments);
        }
        if (table != null) {
            Files.writeString(table, csv(probabilities));
        }
        if (picture != null) {
            String title = paths.get(1).getFileName() + ": speech by model "
                    + model.manifest().id().toString().substring(0, 16);
            Files.writeString(picture, SpeechPlot.svg(title, recording, probabilities, segments));
        }
        return 0;
    }

    private void writeRequests(TensorPackage model, Recording recording) throws IOException {
        Files.createDirectories(requests);
        List<List<Tensor>> windows;
        try (LoadedTensorModel loaded = Variants.reference(model)) {
            windows = VoiceActivity.requests(loaded, recording, EVERY);
        }
        for (int i = 0; i < windows.size(); i++) {
            ObjectNode request = new ObjectMapper().createObjectNode();
            ArrayNode inputs = request.putArray("inputs");
            windows.get(i).forEach(input -> inputs.add(TensorJson.json(input)));
            Files.writeString(requests.resolve("window-" + i * EVERY + ".json"), request.toString());
        }
    }

    private static String line(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }

    private static void show(Recording recording, float[] probabilities, List<Segment> segments) {
        double speech = segments.stream().mapToDouble(s -> s.to() - s.from()).sum();
        System.out.println(line(
                "%.2f s, %d windows of %d ms; speech in %.2f s, %d segments",
                recording.seconds(),
                probabilities.length,
                1000 * VoiceActivity.WINDOW / Recording.RATE,
                speech,
                segments.size()));
        System.out.println("   #      from        to   seconds   probability");
        for (int i = 0; i < segments.size(); i++) {
            Segment s = segments.get(i);
            System.out.println(
                    line("%4d  %8.2f  %8.2f  %8.2f  %12.3f", i + 1, s.from(), s.to(), s.to() - s.from(), s.mean()));
        }
    }

    private static void print(Recording recording, float[] probabilities, List<Segment> segments) throws IOException {
        ObjectNode json = new ObjectMapper().createObjectNode().put("seconds", recording.seconds());
        ArrayNode array = json.putArray("segments");
        for (Segment s : segments) {
            array.addObject().put("from", s.from()).put("to", s.to()).put("probability", s.mean());
        }
        ArrayNode windows = json.putArray("probabilities");
        for (float probability : probabilities) {
            windows.add(probability);
        }
        System.out.println(json);
    }

    private static String csv(float[] probabilities) {
        StringBuilder csv = new StringBuilder("seconds,probability\n");
        for (int i = 0; i < probabilities.length; i++) {
            csv.append(line("%.3f,%.6f%n", (double) i * VoiceActivity.WINDOW / Recording.RATE, probabilities[i]));
        }
        return csv.toString();
    }
}
