package io.plumbline.node.applications;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiEmbeddingModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import dev.langchain4j.model.output.FinishReason;
import java.util.List;

/** {@code dev.langchain4j:langchain4j-open-ai} as its makers publish it. */
final class LangChain4jOpenAi {
    private static final String QUESTION = "Tell me a story about a fox.";

    private LangChain4jOpenAi() {}

    private static OpenAiChatModel.OpenAiChatModelBuilder model(String base) {
        return OpenAiChatModel.builder()
                .baseUrl(base)
                .apiKey("any")
                .modelName("stories")
                .temperature(0.0)
                .maxTokens(24)
                .maxRetries(0);
    }

    /** Has it do what its users do. */
    static void check(String base) throws Exception {
        ChatResponse whole = model(base).build().chat(UserMessage.from(QUESTION));
        assertEquals(24, whole.metadata().tokenUsage().outputTokenCount());
        assertEquals(FinishReason.LENGTH, whole.metadata().finishReason());

        OpenAiStreamingChatModel streaming = OpenAiStreamingChatModel.builder()
                .baseUrl(base)
                .apiKey("any")
                .modelName("stories")
                .temperature(0.0)
                .maxTokens(24)
                .build();
        HeardStream heard = new HeardStream();
        streaming.chat(QUESTION, heard);
        ChatResponse streamed = heard.whole();
        assertEquals(whole.aiMessage().text(), streamed.aiMessage().text());
        assertEquals(whole.aiMessage().text(), heard.pieces());
        assertEquals(24, streamed.metadata().tokenUsage().outputTokenCount());

        OpenAiEmbeddingModel embedder = OpenAiEmbeddingModel.builder()
                .baseUrl(base)
                .apiKey("any")
                .modelName("sentences")
                .maxRetries(0)
                .build();
        List<Embedding> vectors = embedder.embedAll(
                        List.of(TextSegment.from("A bear lost his kite."), TextSegment.from("A mouse ate a cake.")))
                .content();
        assertEquals(2, vectors.size());
        assertEquals(64, vectors.get(1).dimension());

        assertThrows(
                ModelNotFoundException.class,
                () -> model(base).modelName("gpt-9").build().chat(QUESTION));
        assertThrows(
                InvalidRequestException.class,
                () -> model(base).temperature(-1.0).build().chat(QUESTION));
    }
}
