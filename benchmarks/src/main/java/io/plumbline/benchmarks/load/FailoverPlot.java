package io.plumbline.benchmarks.load;

import io.plumbline.benchmarks.load.Exchange.Outcome;
import java.util.List;
import java.util.Locale;

/**
 * A drawing of a load's requests: when each was due, how long its answer took, and what happened meanwhile. One SVG
 * that stands alone, light or dark as its reader's system is.
 */
final class FailoverPlot {
    private static final int WIDTH = 960;
    private static final int HEIGHT = 420;
    private static final int LEFT = 70;
    private static final int RIGHT = 20;
    private static final int TOP = 50;
    private static final int BOTTOM = 50;

    /** Of the logarithmic axis, in seconds. */
    private static final double LEAST = 0.01;

    private static final double MOST = 100;
    private static final double SECOND = 1e9;

    private static final String STYLE = """
            text { font: 13px system-ui, sans-serif; fill: #222 }
            .page { fill: #fff } .grid { stroke: #ddd } .fault { stroke: #b35900; stroke-dasharray: 4 3 }
            .down { fill: #b35900; opacity: .12 } .answered { fill: #0b62a4 } .failed { stroke: #c00; stroke-width: 2 }
            @media (prefers-color-scheme: dark) {
              text { fill: #ddd } .page { fill: #181818 } .grid { stroke: #3a3a3a } .fault { stroke: #ffb366 }
              .down { fill: #ffb366 } .answered { fill: #6db6ff } .failed { stroke: #ff7373 }
            }
            """;

    private final List<Exchange> exchanges;
    private final List<Fault> faults;
    private final long beginNs;
    private final double seconds;
    private final StringBuilder svg = new StringBuilder();

    /**
     * Something that was done to the network.
     *
     * @param at seconds from the begin.
     * @param back when what was killed was ready again; NaN where it was not.
     */
    record Fault(String what, double at, double back) {}

    /** @param seconds that the load lasted. */
    FailoverPlot(List<Exchange> exchanges, List<Fault> faults, long beginNs, double seconds) {
        this.exchanges = List.copyOf(exchanges);
        this.faults = List.copyOf(faults);
        this.beginNs = beginNs;
        this.seconds = seconds;
    }

    String svg() {
        add("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\">%n", WIDTH, HEIGHT);
        add(
                "<title>Requests by when they were due and how long their answers took</title>%n<style>%s</style>%n",
                STYLE);
        add("<rect class=\"page\" width=\"%d\" height=\"%d\"/>%n", WIDTH, HEIGHT);
        axes();
        for (Fault fault : faults) {
            mark(fault);
        }
        for (Exchange one : exchanges) {
            point(one);
        }
        add("</svg>%n");
        return svg.toString();
    }

    private void add(String format, Object... values) {
        svg.append(String.format(Locale.ROOT, format, values));
    }

    private double x(double at) {
        return LEFT + Math.clamp(at / seconds, 0, 1) * (WIDTH - LEFT - RIGHT);
    }

    private double y(double took) {
        double share = Math.log(Math.clamp(took, LEAST, MOST) / LEAST) / Math.log(MOST / LEAST);
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
    }

    private void axes() {
        for (double took = LEAST; took < 2 * MOST; took *= 10) {
            add(
                    "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>%n",
                    LEFT, WIDTH - RIGHT, y(took), y(took));
            String label = took < 1 ? Math.round(took * 1000) + " ms" : Math.round(took) + " s";
            add("<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>%n", LEFT - 8, y(took) + 4, label);
        }
        int step = seconds > 60 ? 10 : 5;
        for (int at = 0; at <= seconds; at += step) {
            add("<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d</text>%n", x(at), HEIGHT - BOTTOM + 20, at);
        }
        add(
                "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">s at which a request was due; up: how long its answer took"
                        + " (a cross: none came)</text>%n",
                (LEFT + WIDTH) / 2, HEIGHT - 10);
    }

    private void mark(Fault fault) {
        double from = x(fault.at());
        if (!Double.isNaN(fault.back())) {
            add(
                    "<rect class=\"down\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>%n",
                    from, TOP, x(fault.back()) - from, HEIGHT - TOP - BOTTOM);
        }
        add("<line class=\"fault\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>%n", from, from, TOP, HEIGHT - BOTTOM);
        add("<text x=\"%.1f\" y=\"%d\">%s</text>%n", from, TOP - 12, fault.what());
    }

    private void point(Exchange one) {
        double x = x((one.intendedNs() - beginNs) / SECOND);
        double y = y((one.endNs() - one.intendedNs()) / SECOND);
        if (one.outcome() == Outcome.ANSWERED) {
            add("<circle class=\"answered\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>%n", x, y);
        } else {
            add(
                    "<path class=\"failed\" d=\"M%.1f %.1fl8 8m0 -8l-8 8\"><title>%s</title></path>%n",
                    x - 4, y - 4, escaped(String.valueOf(one.why())));
        }
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
