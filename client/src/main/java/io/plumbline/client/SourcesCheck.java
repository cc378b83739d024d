package io.plumbline.client;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.CertifiedFeed;
import io.plumbline.verifier.lightclient.FeedProof;
import io.plumbline.verifier.lightclient.ProofRefusedException;
import io.plumbline.verifier.lightclient.TrustedLedger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;

/**
 * Whether the facts and files that a model was told are those that were asked for: files by their ids, which are the
 * hashes of their texts, facts by the ledger's certified entries, and fresh when the request was sent.
 */
final class SourcesCheck {
    private static final HexFormat HEX = HexFormat.of();

    /** Text that a fact becomes where the request does not say, as docs/api.md has it. */
    private static final String FACT_TEMPLATE = "{name}: {value} {unit} (as of {time})";

    /** As {@link #FACT_TEMPLATE}, of a file. */
    private static final String FILE_TEMPLATE = "{name}:\n{text}";

    private SourcesCheck() {}

    /** Whether a request's body names facts or files. */
    static boolean isAsked(JsonNode body) {
        JsonNode plumbline = body.path("plumbline");
        return !plumbline.path("facts").isEmpty() || !plumbline.path("files").isEmpty();
    }

    /**
     * Checks all of them.
     *
     * @param told field {@code sources} of the request's messages.
     * @param asked field {@code plumbline} of the body that was sent.
     * @param ledger that facts are proven by; null where none is known, and then their ids are compared alone.
     * @param sentMs when the request was sent, in ms since 1970 UTC.
     * @return the facts that are proven, in the order in which they were asked for.
     * @throws VerificationException named {@code SOURCES}.
     */
    static List<CertifiedFeed> verify(JsonNode told, JsonNode asked, TrustedLedger ledger, long sentMs) {
        template("fact_template", FACT_TEMPLATE, told, asked);
        template("file_template", FILE_TEMPLATE, told, asked);
        JsonNode files = same(told, asked, "files");
        for (int i = 0; i < files.size(); i++) {
            file(files.get(i), asked.get("files").get(i));
        }
        JsonNode facts = same(told, asked, "facts");
        List<CertifiedFeed> proven = new ArrayList<>();
        for (int i = 0; i < facts.size(); i++) {
            String feed = id(asked.get("facts").get(i), "feed");
            if (!facts.get(i).path("feed").asText().equals(feed)) {
                throw refused("The model was told another fact than " + feed + ".", null);
            }
            if (ledger != null) {
                proven.add(fact(facts.get(i), feed, ledger, sentMs));
            }
        }
        return proven;
    }

    /** A gateway's own template could have the model read the contrary of a fact that is proven. */
    private static void template(String field, String otherwise, JsonNode told, JsonNode asked) {
        String expected = asked.hasNonNull(field) ? asked.get(field).asText() : otherwise;
        JsonNode found = told.path(field);
        if (!found.isTextual() || !found.asText().equals(expected)) {
            throw refused("The model was told by another " + field + " than \"" + expected + "\".", null);
        }
    }

    private static JsonNode same(JsonNode told, JsonNode asked, String field) {
        JsonNode list = told.path(field);
        if (list.size() != asked.path(field).size()) {
            throw refused(
                    "The model was told " + list.size() + " " + field + " of the "
                            + asked.path(field).size() + " that were asked for.",
                    null);
        }
        return list;
    }

    /** An id alone, or within an object. */
    private static String id(JsonNode one, String field) {
        return one.isObject() ? one.path(field).asText() : one.asText();
    }

    private static void file(JsonNode told, JsonNode asked) {
        String id = id(asked, "blob");
        String hash = Blake3.hex(Blake3.hash(told.path("text").asText().getBytes(StandardCharsets.UTF_8)));
        boolean isNamed = told.path("name").asText().equals(asked.path("name").asText(id));
        if (!hash.equals(id) || !told.path("blob").asText().equals(id) || !isNamed) {
            throw refused("The model was told another file than " + id + ".", null);
        }
    }

    private static CertifiedFeed fact(JsonNode told, String feed, TrustedLedger ledger, long sentMs) {
        try {
            byte[] proof = Base64.getDecoder().decode(told.path("proof").asText());
            return FeedProof.check(proof, ledger, Bytes32.of(HEX.parseHex(feed)), sentMs)
                    .feed();
        } catch (ProofRefusedException | IllegalArgumentException e) {
            throw refused("The fact that the model was told is not proven: " + e.getMessage(), e);
        }
    }

    private static VerificationException refused(String why, Throwable cause) {
        return new VerificationException("SOURCES", why, cause);
    }
}
