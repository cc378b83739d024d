package io.plumbline.benchmarks.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** One HTML page of results that needs nothing beside it: no script, no font, no picture of another file. */
final class ReportPage {
    /** Ratios from a thirty-second to thirty-two times fill the bar. */
    private static final double WIDEST = Math.log(32);

    private static final int CHART_WIDTH = 220;
    private static final int CHART_HEIGHT = 44;

    private static final String STYLE = """
            :root { color-scheme: light dark; --paper: #f7f7f8; --card: #fff; --ink: #17181a; --soft: #5b616a;
              --line: #e1e3e6; --good: #0b6e69; --bad: #a4302a; }
            @media (prefers-color-scheme: dark) { :root { --paper: #15171a; --card: #1d2024; --ink: #eceef0;
              --soft: #a1a8b1; --line: #31363c; --good: #4fc3b8; --bad: #f08c84; } }
            body { margin: 0; background: var(--paper); color: var(--ink);
              font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; }
            main { max-width: 1080px; margin: 0 auto; padding: 32px 16px 64px; }
            h1 { margin: 0; font-size: 26px; letter-spacing: -0.01em; }
            h2 { margin: 0; font-size: 17px; }
            p { margin: 4px 0; color: var(--soft); }
            .grid { display: grid; gap: 16px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 500px), 1fr));
              margin-top: 24px; }
            article { min-width: 0; padding: 18px 20px; border: 1px solid var(--line); border-radius: 12px;
              background: var(--card); }
            .ours { font-size: 25px; font-weight: 650; font-variant-numeric: tabular-nums; }
            .times { float: right; font-weight: 650; font-size: 17px; }
            .ahead { color: var(--good); }
            .behind { color: var(--bad); }
            .bar { position: relative; height: 8px; margin: 12px 0; border-radius: 4px; background: var(--line); }
            .bar i { position: absolute; top: 0; height: 8px; border-radius: 4px; background: currentColor; }
            .bar b { position: absolute; left: 50%; top: -3px; width: 2px; height: 14px; background: var(--soft); }
            dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 2px 14px; margin: 10px 0 0;
              font-size: 13.5px; }
            dt { color: var(--soft); }
            dd { margin: 0; overflow-wrap: anywhere; }
            code { font: 12.5px ui-monospace, "Liberation Mono", monospace; }
            svg { display: block; margin-top: 10px; overflow: visible; color: var(--good); }
            summary { margin-top: 10px; color: var(--soft); cursor: pointer; }
            """;

    /**
     * A headline with the values that it has had.
     *
     * @param history oldest first.
     */
    record Entry(Headline now, List<Headline> history) {}

    private ReportPage() {}

    static String of(List<Entry> entries, Limits limits) {
        long ahead = entries.stream().filter(entry -> entry.now().ratio() >= 1).count();
        StringBuilder page = new StringBuilder("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
                + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>"
                + "<title>Plumbline: measured</title><style>\n" + STYLE + "</style></head><body><main>\n"
                + "<h1>Plumbline, measured</h1>\n<p>" + entries.size()
                + " headlines, each beside a peer; "
                + ahead + " ahead of it, " + (entries.size() - ahead)
                + " behind. The bar is ours over the peer's, turned so that right of the middle is better; each step of"
                + " its length is the same factor, 32 at its ends.</p>\n<div class=\"grid\">\n");
        entries.forEach(entry -> card(page, entry, limits));
        return page.append("</div></main></body></html>\n").toString();
    }

    private static void card(StringBuilder page, Entry entry, Limits limits) {
        Headline now = entry.now();
        String side = now.ratio() >= 1 ? "ahead" : "behind";
        double share = Math.clamp(Math.log(now.ratio()) / WIDEST, -1, 1) * 50;
        page.append("<article><span class=\"times ").append(side).append("\">");
        page.append(number(now.ratio()))
                .append(" times</span><h2>")
                .append(escaped(now.name()))
                .append("</h2>\n");
        page.append("<div class=\"ours\">").append(number(now.value())).append("</div><p>");
        page.append(escaped(now.unit())).append("</p>\n");
        page.append(String.format(
                Locale.ROOT,
                "<div class=\"bar %s\"><i style=\"left:%.1f%%;width:%.1f%%\"></i><b></b></div>%n",
                side,
                50 + Math.min(0, share),
                Math.abs(share)));
        page.append("<dl>");
        row(page, "peer", escaped(now.peer()) + ": " + number(now.peerValue()));
        row(page, "readings", escaped(now.spread()));
        if (!limits.what(now).isEmpty()) {
            String reached = limits.share(now).isEmpty()
                    ? ""
                    : String.format(
                            Locale.ROOT,
                            "; %.0f %% of it reached",
                            100 * limits.share(now).getAsDouble());
            row(page, "limit", escaped(limits.what(now)) + reached);
        }
        row(page, "machine", escaped(now.machine()));
        row(page, "measured", escaped(now.date()) + " at <code>" + escaped(now.commit()) + "</code>");
        row(page, "again", "<code>" + escaped(now.command()) + "</code>");
        page.append("</dl>\n");
        chart(page, entry.history());
        if (now.details().isObject() && !now.details().isEmpty()) {
            page.append("<details><summary>More of the same run</summary><dl>");
            for (Map.Entry<String, JsonNode> one : now.details().properties()) {
                JsonNode value = one.getValue();
                row(page, escaped(one.getKey()), escaped(value.isValueNode() ? value.asText() : value.toString()));
            }
            page.append("</dl></details>");
        }
        page.append("</article>\n");
    }

    private static void row(StringBuilder page, String name, String html) {
        page.append("<dt>").append(name).append("</dt><dd>").append(html).append("</dd>");
    }

    /** A point for each value that was committed; where there are two at least. */
    private static void chart(StringBuilder page, List<Headline> history) {
        if (history.size() < 2) {
            return;
        }
        double least = history.stream().mapToDouble(Headline::value).min().getAsDouble();
        double most = history.stream().mapToDouble(Headline::value).max().getAsDouble();
        double span = most > least ? most - least : 1;
        StringBuilder line = new StringBuilder();
        StringBuilder points = new StringBuilder();
        for (int i = 0; i < history.size(); i++) {
            Headline one = history.get(i);
            double x = (double) i * CHART_WIDTH / (history.size() - 1);
            double y = CHART_HEIGHT * (1 - (one.value() - least) / span);
            line.append(String.format(Locale.ROOT, "%.1f,%.1f ", x, y));
            points.append(String.format(
                    Locale.ROOT,
                    "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"currentColor\"><title>%s, %s, %s</title></circle>",
                    x,
                    y,
                    number(one.value()),
                    escaped(one.date()),
                    escaped(one.machine())));
        }
        page.append("<svg width=\"").append(CHART_WIDTH).append("\" height=\"").append(CHART_HEIGHT);
        page.append("\" role=\"img\" aria-label=\"").append(history.size()).append(" values, from ");
        page.append(number(history.getFirst().value()))
                .append(" to ")
                .append(number(history.getLast().value()));
        page.append("\"><polyline fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.5\" points=\"");
        page.append(line.toString().strip()).append("\"/>").append(points).append("</svg>\n");
    }

    /** To three digits, with separators where there are more. */
    static String number(double value) {
        if (Math.abs(value) >= 1_000) {
            return String.format(Locale.ROOT, "%,.0f", value);
        }
        return new BigDecimal(value)
                .round(new MathContext(3))
                .stripTrailingZeros()
                .toPlainString();
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
