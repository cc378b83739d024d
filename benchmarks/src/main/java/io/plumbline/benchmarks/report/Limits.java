package io.plumbline.benchmarks.report;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeMap;

/** The limit of each headline, and how much of it is reached by the run's own readings. */
public final class Limits {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final Map<String, Limit> all = new TreeMap<>();

    /**
     * Of one headline.
     *
     * @param what in words.
     * @param share path of the detail that is the share reached; null where the run has none.
     * @param most paths of the details that bound the value together, in its own unit; empty where there are none.
     */
    record Limit(String what, String share, String[] most) {}

    private Limits() {}

    /** Reads a file of them. */
    public static Limits read(Path file) throws IOException {
        JsonNode json;
        try {
            json = MAPPER.readTree(file.toFile());
        } catch (JacksonException e) {
            throw new IOException(file + " is not JSON: " + e.getOriginalMessage(), e);
        }
        Limits limits = new Limits();
        for (Map.Entry<String, JsonNode> one : json.properties()) {
            JsonNode share = one.getValue().path("share");
            JsonNode what = one.getValue().path("limit");
            if (!what.isTextual()) {
                throw new IOException(file + ": " + one.getKey() + " has no text \"limit\".");
            }
            limits.all.put(
                    one.getKey(),
                    new Limit(
                            what.asText(),
                            share.isTextual() ? share.asText() : null,
                            MAPPER.convertValue(one.getValue().path("most"), String[].class)));
        }
        return limits;
    }

    /** None of anything, where a folder of results has no such file beside it. */
    public static Limits beside(Path results) throws IOException {
        Path file = results.toAbsolutePath().resolveSibling("limits.json");
        return Files.isRegularFile(file) ? read(file) : new Limits();
    }

    /** Names of the headlines that it speaks of. */
    Iterable<String> names() {
        return all.keySet();
    }

    /** In words; empty where nothing is said. */
    String what(Headline headline) {
        Limit limit = all.get(headline.name());
        return limit == null ? "" : limit.what();
    }

    /** The share of the physical limit that a headline reaches; empty where its run measured none. */
    OptionalDouble share(Headline headline) {
        Limit limit = all.get(headline.name());
        if (limit == null) {
            return OptionalDouble.empty();
        }
        if (limit.share() != null) {
            return OptionalDouble.of(detail(headline, limit.share()));
        }
        if (limit.most() == null || limit.most().length == 0) {
            return OptionalDouble.empty();
        }
        double least = Double.POSITIVE_INFINITY;
        for (String path : limit.most()) {
            least = Math.min(least, detail(headline, path));
        }
        return OptionalDouble.of(headline.isLessBetter() ? least / headline.value() : headline.value() / least);
    }

    /** The number at a path, where it stands before its spread too. */
    private static double detail(Headline headline, String path) {
        JsonNode at = headline.details().path(path);
        if (at.isMissingNode()) {
            at = headline.details();
            for (String part : path.split("/")) {
                at = at.path(part);
            }
        }
        try {
            return Double.parseDouble(at.asText().split(" ", 2)[0]);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    headline.name() + " has no detail \"" + path + "\" that is a number, which limits.json names.", e);
        }
    }
}
