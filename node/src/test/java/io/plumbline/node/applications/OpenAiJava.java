package io.plumbline.node.applications;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.embeddings.CreateEmbeddingResponse;
import com.openai.models.embeddings.EmbeddingCreateParams;
import io.plumbline.verifier.receipt.Receipt;
import java.util.HexFormat;
import java.util.List;

/** {@code com.openai:openai-java} as its maker publishes it. */
final class OpenAiJava {
    private OpenAiJava() {}

    private static ChatCompletionCreateParams.Builder asked() {
        return ChatCompletionCreateParams.builder()
                .model("stories")
                .addUserMessage("Tell me a story about a fox.")
                .temperature(0)
                .maxCompletionTokens(24);
    }

    /** Has it do what its users do. */
    static void check(String base) {
        OpenAIClient client = OpenAIOkHttpClient.builder()
                .baseUrl(base)
                .apiKey("any")
                .maxRetries(0)
                .build();
        try {
            String text = whole(client);
            assertEquals(text, streamed(client));
            embedded(client);
            refused(client);
        } finally {
            client.close();
        }
    }

    private static String whole(OpenAIClient client) {
        ChatCompletion answer = client.chat().completions().create(asked().build());
        assertEquals(24, answer.usage().orElseThrow().completionTokens());
        assertEquals("length", answer.choices().getFirst().finishReason().toString());
        JsonNode beside = answer._allProperties().get("plumbline").convert(JsonNode.class);
        String receipt = beside.path("receipt").asText();
        assertTrue(Receipt.decode(HexFormat.of().parseHex(receipt)).signatureHolds());
        return answer.choices().getFirst().message().content().orElseThrow();
    }

    private static String streamed(OpenAIClient client) {
        ChatCompletionCreateParams params = asked().streamOptions(
                        ChatCompletionStreamOptions.builder().includeUsage(true).build())
                .build();
        ChatCompletionAccumulator all = ChatCompletionAccumulator.create();
        try (StreamResponse<ChatCompletionChunk> stream =
                client.chat().completions().createStreaming(params)) {
            stream.stream().forEach(all::accumulate);
        }
        ChatCompletion answer = all.chatCompletion();
        assertEquals(24, answer.usage().orElseThrow().completionTokens());
        return answer.choices().getFirst().message().content().orElseThrow();
    }

    private static void embedded(OpenAIClient client) {
        CreateEmbeddingResponse response = client.embeddings()
                .create(EmbeddingCreateParams.builder()
                        .model("sentences")
                        .inputOfArrayOfStrings(List.of("A bear lost his kite.", "A mouse ate a cake."))
                        .build());
        assertEquals(2, response.data().size());
        assertEquals(64, response.data().get(1).embedding().size());
    }

    private static void refused(OpenAIClient client) {
        NotFoundException other = assertThrows(
                NotFoundException.class,
                () -> client.chat().completions().create(asked().model("gpt-9").build()));
        assertEquals("model_not_found", other.code().orElseThrow());
        assertEquals("model", other.param().orElseThrow());
        BadRequestException hot = assertThrows(
                BadRequestException.class,
                () -> client.chat().completions().create(asked().temperature(-1).build()));
        assertEquals("temperature", hot.param().orElseThrow());
    }
}
