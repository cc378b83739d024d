package io.plumbline.inference.tensor.speech;

import java.util.List;
import java.util.Locale;

/**
 * Draws a recording's loudness, the probability of speech over time and the segments found, as an SVG that any
 * browser shows.
 */
public final class SpeechPlot {
    private static final int WIDTH = 1200;
    private static final int HEIGHT = 320;
    private static final int LEFT = 50;
    private static final int RIGHT = 15;
    private static final int TOP = 40;
    private static final int WAVE = 70;
    private static final int BOTTOM = 40;

    private final StringBuilder svg = new StringBuilder();
    private final double seconds;

    private SpeechPlot(double seconds) {
        this.seconds = seconds;
    }

    /** The picture's text. */
    public static String svg(
            String title, Recording recording, float[] probabilities, List<VoiceActivity.Segment> segments) {
        return new SpeechPlot(recording.seconds()).draw(title, recording, probabilities, segments);
    }

    private double x(double second) {
        return LEFT + second / Math.max(seconds, 1e-9) * (WIDTH - LEFT - RIGHT);
    }

    private static double y(double probability) {
        int top = TOP + WAVE + 10;
        return HEIGHT - BOTTOM - probability * (HEIGHT - BOTTOM - top);
    }

    private void add(String format, Object... values) {
        svg.append(String.format(Locale.ROOT, format, values)).append('\n');
    }

    private String draw(
            String title, Recording recording, float[] probabilities, List<VoiceActivity.Segment> segments) {
        add(
                "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' font-family='sans-serif' font-size='12'>",
                WIDTH, HEIGHT);
        add("<rect width='%d' height='%d' fill='white'/>", WIDTH, HEIGHT);
        add("<text x='%d' y='22' font-size='15'>%s</text>", LEFT, escaped(title));
        for (VoiceActivity.Segment segment : segments) {
            add(
                    "<rect x='%.1f' y='%d' width='%.1f' height='%d' fill='#cfe8cf'/>",
                    x(segment.from()), TOP, x(segment.to()) - x(segment.from()), HEIGHT - TOP - BOTTOM);
        }
        wave(recording.samples());
        for (double level : new double[] {0, 0.5, 1}) {
            add(
                    "<line x1='%d' x2='%d' y1='%.1f' y2='%.1f' stroke='#bbb' stroke-dasharray='%s'/>",
                    LEFT, WIDTH - RIGHT, y(level), y(level), level == 0.5 ? "4 4" : "none");
            add(
                    "<text x='%d' y='%.1f' text-anchor='end'>%s</text>",
                    LEFT - 6, y(level) + 4, level == 0.5 ? "0.5" : (int) level);
        }
        StringBuilder points = new StringBuilder();
        for (int i = 0; i < probabilities.length; i++) {
            double second = (i + 0.5) * VoiceActivity.WINDOW / Recording.RATE;
            points.append(String.format(Locale.ROOT, "%.1f,%.1f ", x(Math.min(second, seconds)), y(probabilities[i])));
        }
        add(
                "<polyline fill='none' stroke='#1f5fa8' stroke-width='1.2' points='%s'/>",
                points.toString().strip());
        double tick = tick();
        for (int i = 0; i * tick <= seconds; i++) {
            add(
                    "<line x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f' stroke='#666'/>",
                    x(i * tick), x(i * tick), y(0), y(0) + 5);
            add("<text x='%.1f' y='%.1f' text-anchor='middle'>%s</text>", x(i * tick), y(0) + 19, number(i * tick));
        }
        add("<text x='%d' y='%d' text-anchor='end'>seconds</text>", WIDTH - RIGHT, HEIGHT - 6);
        add("<text x='%d' y='%d'>green: speech; grey: loudness; blue: probability of speech</text>", LEFT, HEIGHT - 6);
        return svg.append("</svg>\n").toString();
    }

    /** The least and greatest sample of each column. */
    private void wave(float[] samples) {
        int columns = WIDTH - LEFT - RIGHT;
        double middle = TOP + WAVE / 2.0;
        StringBuilder path = new StringBuilder();
        for (int i = 0; i < columns; i++) {
            int from = (int) ((long) i * samples.length / columns);
            int to = (int) ((i + 1L) * samples.length / columns);
            float least = 0;
            float most = 0;
            for (int k = from; k < to; k++) {
                least = Math.min(least, samples[k]);
                most = Math.max(most, samples[k]);
            }
            path.append(String.format(
                    Locale.ROOT, "M%d %.1fV%.1f", LEFT + i, middle - most * WAVE / 2, middle - least * WAVE / 2));
        }
        add("<path d='%s' stroke='#888'/>", path);
    }

    private double tick() {
        for (double tick : new double[] {0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 600}) {
            if (seconds / tick <= 15) {
                return tick;
            }
        }
        return 3600;
    }

    private static String number(double value) {
        return value == Math.rint(value) ? String.valueOf((long) value) : String.format(Locale.ROOT, "%.1f", value);
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
