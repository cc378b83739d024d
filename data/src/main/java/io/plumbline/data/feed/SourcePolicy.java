package io.plumbline.data.feed;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.TreeSet;

/**
 * Where a feed's value is found: a text of JSON, whose BLAKE3 hash a feed's declaration holds, so that all who report
 * on it fetch the same place in the same way.
 *
 * @param url http or https.
 * @param format of what is there.
 * @param path JSON: a JSONPath query of one place. CSV: a column's name in the first line. RSS: an element's name in an
 *     item.
 * @param row CSV and RSS: "first" or "last" line or item; null for JSON.
 * @param id of the text.
 */
public record SourcePolicy(URI url, Format format, String path, String row, Bytes32 id) {
    /** Formats that are read. */
    public enum Format {
        JSON,
        CSV,
        RSS
    }

    /** Longest text. */
    public static final int MOST_BYTES = 8 << 10;

    private static final Set<String> FIELDS = Set.of("plumbline", "url", "format", "path", "row");
    private static final String KIND = "source 1";
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    /**
     * Reads a policy.
     *
     * @throws IllegalArgumentException naming what is wrong with it.
     */
    public static SourcePolicy parse(byte[] text) {
        if (text.length > MOST_BYTES) {
            throw new IllegalArgumentException("A source's policy has " + MOST_BYTES + " bytes at most.");
        }
        JsonNode json;
        try {
            json = JSON.readTree(new String(text, StandardCharsets.UTF_8));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("A source's policy is JSON: " + e.getOriginalMessage() + ".", e);
        }
        if (json == null || !json.isObject() || !json.path("plumbline").asText().equals(KIND)) {
            throw new IllegalArgumentException("A source's policy is an object with \"plumbline\": \"" + KIND + "\".");
        }
        Set<String> unknown = new TreeSet<>();
        json.fieldNames().forEachRemaining(name -> {
            if (!FIELDS.contains(name)) {
                unknown.add(name);
            }
        });
        if (!unknown.isEmpty()) {
            throw new IllegalArgumentException(
                    "A source's policy has no fields " + unknown + "; it has " + FIELDS + ".");
        }
        Format format = format(text(json, "format"));
        String row = json.hasNonNull("row") ? text(json, "row") : format == Format.JSON ? null : "last";
        if (format == Format.JSON ? row != null : !Set.of("first", "last").contains(row)) {
            throw new IllegalArgumentException("\"row\" is \"first\" or \"last\", of CSV and RSS.");
        }
        String path = text(json, "path");
        if (format == Format.JSON) {
            SingularQuery.parse(path);
        }
        return new SourcePolicy(url(text(json, "url")), format, path, row, Bytes32.of(Blake3.hash(text)));
    }

    private static String text(JsonNode json, String field) {
        JsonNode value = json.path(field);
        if (!value.isTextual() || value.asText().isEmpty()) {
            throw new IllegalArgumentException("A source's policy needs \"" + field + "\", a text.");
        }
        return value.asText();
    }

    private static Format format(String text) {
        for (Format format : Format.values()) {
            if (format.name().equalsIgnoreCase(text)) {
                return format;
            }
        }
        throw new IllegalArgumentException("\"format\" is json, csv or rss, not \"" + text + "\".");
    }

    private static URI url(String text) {
        try {
            return requireWeb(new URI(text));
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException("\"" + text + "\" is no URL: " + e.getReason() + ".", e);
        }
    }

    /** @throws IllegalArgumentException where it is not one of the web, or names a user. */
    static URI requireWeb(URI url) {
        boolean isWeb = "http".equalsIgnoreCase(url.getScheme()) || "https".equalsIgnoreCase(url.getScheme());
        if (!isWeb || url.getHost() == null || url.getRawUserInfo() != null || url.getPort() == 0) {
            throw new IllegalArgumentException(
                    "A source is at http://HOST... or https://HOST..., without a user's name; not at " + url + ".");
        }
        return url;
    }
}
