package io.plumbline.inference.tensor.speech;

import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.Stop;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorManifest;
import io.plumbline.verifier.tensor.TensorSpec;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleConsumer;

/**
 * How likely each stretch of a recording is speech, by a recurrent model of Silero's form: a window of 512 samples
 * behind the last 64 of the one before, a state that is carried along, and the sampling rate in; a probability and
 * the next state out.
 */
public final class VoiceActivity {
    /** Samples of a window: 32 ms. */
    public static final int WINDOW = 512;

    /** Samples of the window before that a window begins with. */
    private static final int CONTEXT = 64;

    private static final int STATE = 128;

    private VoiceActivity() {}

    /** Throws where a model is not of this form. */
    public static void check(TensorManifest manifest) throws IOException {
        List<String> inputs = manifest.inputs().stream().map(TensorSpec::name).toList();
        List<String> outputs = manifest.outputNames();
        if (!inputs.equals(List.of("input", "state", "sr")) || !outputs.equals(List.of("output", "stateN"))) {
            throw new IOException(
                    "The model takes " + inputs + " and gives " + outputs
                            + ". A voice activity model of Silero's form takes input, state and sr, and gives output and stateN.");
        }
    }

    /** The inputs of a window. */
    private static List<Tensor> inputs(float[] context, float[] samples, int from, Tensor state) {
        float[] window = new float[CONTEXT + WINDOW];
        System.arraycopy(context, 0, window, 0, CONTEXT);
        System.arraycopy(samples, from, window, CONTEXT, Math.min(WINDOW, samples.length - from));
        System.arraycopy(window, WINDOW, context, 0, CONTEXT);
        return List.of(
                Tensor.ofFloats("input", new long[] {1, window.length}, window),
                state.named("state"),
                Tensor.ofLongs("sr", new long[0], Recording.RATE));
    }

    /** A state that has heard nothing. */
    private static Tensor silence() {
        return Tensor.ofFloats("state", new long[] {2, 1, STATE}, new float[2 * STATE]);
    }

    private interface Listener {
        void onWindow(int window, List<Tensor> inputs, float probability);
    }

    private static void listen(LoadedTensorModel model, Recording recording, Listener listener) throws IOException {
        float[] context = new float[CONTEXT];
        Tensor state = silence();
        for (int i = 0; i < windows(recording); i++) {
            List<Tensor> inputs = inputs(context, recording.samples(), i * WINDOW, state);
            List<Tensor> outputs = model.run(inputs, List.of("output", "stateN"), new Stop());
            listener.onWindow(i, inputs, (float) outputs.getFirst().values()[0]);
            state = outputs.getLast();
        }
    }

    private static int windows(Recording recording) {
        return (recording.samples().length + WINDOW - 1) / WINDOW;
    }

    /**
     * The inputs of every so many windows, each with the state that the model has come to: real requests to calibrate
     * it with.
     */
    public static List<List<Tensor>> requests(LoadedTensorModel model, Recording recording, int every)
            throws IOException {
        List<List<Tensor>> requests = new ArrayList<>();
        listen(model, recording, (window, inputs, probability) -> {
            if (window % every == 0) {
                requests.add(inputs);
            }
        });
        return requests;
    }

    /** The probability of speech in each window, 0 to 1. */
    public static float[] probabilities(LoadedTensorModel model, Recording recording, DoubleConsumer progress)
            throws IOException {
        float[] probabilities = new float[windows(recording)];
        listen(model, recording, (window, inputs, probability) -> {
            probabilities[window] = probability;
            progress.accept((window + 1.0) / probabilities.length);
        });
        return probabilities;
    }

    /**
     * A stretch of speech, in seconds.
     *
     * @param mean probability over it.
     */
    public record Segment(double from, double to, double mean) {}

    /**
     * When speech begins and ends: above one half it begins, below 0.35 for 100 ms it has ended; what is shorter than
     * 250 ms is none; 30 ms are added at both ends.
     */
    public static List<Segment> segments(float[] probabilities, double seconds) {
        double step = (double) WINDOW / Recording.RATE;
        List<Segment> segments = new ArrayList<>();
        int begin = -1;
        int quiet = -1;
        for (int i = 0; i <= probabilities.length; i++) {
            boolean isEnd = i == probabilities.length;
            if (!isEnd && probabilities[i] >= BEGIN) {
                begin = begin < 0 ? i : begin;
                quiet = -1;
            } else if (begin >= 0 && (isEnd || probabilities[i] < END)) {
                quiet = quiet < 0 ? i : quiet;
                if (isEnd || (i - quiet) * step >= LEAST_SILENCE) {
                    add(segments, probabilities, begin, quiet, seconds);
                    begin = -1;
                    quiet = -1;
                }
            }
        }
        return segments;
    }

    private static final float BEGIN = 0.5f;
    private static final float END = 0.35f;
    private static final double LEAST_SILENCE = 0.1;
    private static final double LEAST_SPEECH = 0.25;
    private static final double PAD = 0.03;

    private static void add(List<Segment> segments, float[] probabilities, int begin, int end, double seconds) {
        double step = (double) WINDOW / Recording.RATE;
        if ((end - begin) * step < LEAST_SPEECH) {
            return;
        }
        double sum = 0;
        for (int i = begin; i < end; i++) {
            sum += probabilities[i];
        }
        double from = Math.max(segments.isEmpty() ? 0 : segments.getLast().to(), begin * step - PAD);
        segments.add(new Segment(from, Math.min(seconds, end * step + PAD), sum / (end - begin)));
    }
}
