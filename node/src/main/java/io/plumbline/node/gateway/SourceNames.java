package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.inference.language.sources.PromptSources;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * Facts and files that a client asks a model to be told, by names alone: equal where it was told that.
 *
 * @param facts ids of feeds.
 * @param files each a blob's id and its name in the prompt.
 * @param factTemplate text that a fact becomes.
 * @param fileTemplate text that a file becomes.
 */
record SourceNames(List<String> facts, List<List<String>> files, String factTemplate, String fileTemplate) {
    /** Of neither facts nor files. */
    static final SourceNames NONE = new SourceNames(List.of(), List.of(), "", "");

    /**
     * Reads them.
     *
     * @param plumbline a request's field, or what its signed messages have as "sources"; a missing node has none.
     */
    static SourceNames of(JsonNode plumbline) {
        List<String> facts = all(plumbline.path("facts"))
                .map(one -> one.path("feed").asText(one.asText()))
                .toList();
        List<List<String>> files = all(plumbline.path("files"))
                .map(one -> {
                    String id = one.path("blob").asText(one.asText());
                    return List.of(id, one.path("name").asText(id));
                })
                .toList();
        return facts.isEmpty() && files.isEmpty()
                ? NONE
                : new SourceNames(
                        facts,
                        files,
                        plumbline.path("fact_template").asText(PromptSources.FACT_TEMPLATE),
                        plumbline.path("file_template").asText(PromptSources.FILE_TEMPLATE));
    }

    private static Stream<JsonNode> all(JsonNode list) {
        return StreamSupport.stream(list.spliterator(), false);
    }
}
