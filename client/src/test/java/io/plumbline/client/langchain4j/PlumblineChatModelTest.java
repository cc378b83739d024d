package io.plumbline.client.langchain4j;

import static io.plumbline.client.ScriptedServer.answer;
import static io.plumbline.client.ScriptedServer.end;
import static io.plumbline.client.ScriptedServer.extension;
import static io.plumbline.client.ScriptedServer.piece;
import static io.plumbline.client.ScriptedServer.receipt;
import static io.plumbline.client.ScriptedServer.send;
import static io.plumbline.client.ScriptedServer.stream;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.UnresolvedModelServerException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.output.FinishReason;
import io.plumbline.client.PlumblineClient;
import io.plumbline.client.PlumblineException;
import io.plumbline.client.ScriptedServer;
import io.plumbline.client.VerificationException;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** LangChain4j's requests, answers, errors and cancellations as the API has them. */
class PlumblineChatModelTest {
    private static final Bytes32 REQUEST = Bytes32.ZERO;
    private static final String EXTENSION = extension(REQUEST, receipt(REQUEST));

    @Test
    void allParametersAndMessagesAreSent() {
        JsonObjectSchema place = JsonObjectSchema.builder()
                .addStringProperty("place")
                .required("place")
                .build();
        ChatRequest request = ChatRequest.builder()
                .messages(
                        SystemMessage.from("Be brief."),
                        UserMessage.from("Rain?"),
                        AiMessage.from(ToolExecutionRequest.builder()
                                .id("c1")
                                .name("look")
                                .arguments("{\"place\":\"Ulm\"}")
                                .build()),
                        ToolExecutionResultMessage.from("c1", "look", "no"))
                .parameters(ChatRequestParameters.builder()
                        .modelName("m")
                        .temperature(0.5)
                        .topP(0.9)
                        .topK(40)
                        .frequencyPenalty(0.25)
                        .presencePenalty(-0.5)
                        .maxOutputTokens(8)
                        .stopSequences("END")
                        .toolSpecifications(ToolSpecification.builder()
                                .name("look")
                                .description("Looks.")
                                .parameters(place)
                                .build())
                        .toolChoice(ToolChoice.REQUIRED)
                        .responseFormat(ResponseFormat.builder()
                                .type(ResponseFormatType.JSON)
                                .jsonSchema(JsonSchema.builder()
                                        .name("p")
                                        .rootElement(place)
                                        .build())
                                .build())
                        .build())
                .build();
        String sent = Requests.of(request).toString();
        String schema =
                "{\"type\":\"object\",\"properties\":{\"place\":{\"type\":\"string\"}},\"required\":[\"place\"]";
        assertEquals(
                "{\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\",\"content\":\"Rain?\"},"
                        + "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\","
                        + "\"function\":{\"name\":\"look\",\"arguments\":\"{\\\"place\\\":\\\"Ulm\\\"}\"}}]},"
                        + "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"no\"}],"
                        + "\"model\":\"m\",\"temperature\":0.5,\"top_p\":0.9,\"top_k\":40,\"frequency_penalty\":0.25,"
                        + "\"presence_penalty\":-0.5,\"max_tokens\":8,\"stop\":[\"END\"],"
                        + "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"look\",\"description\":\"Looks.\","
                        + "\"parameters\":" + schema + "}}}],\"tool_choice\":\"required\","
                        + "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"p\",\"strict\":true,"
                        + "\"schema\":" + schema + ",\"additionalProperties\":false}}}}",
                sent);
        ChatRequest plain = ChatRequest.builder()
                .messages(UserMessage.from("Hi"))
                .parameters(ChatRequestParameters.builder()
                        .responseFormat(ResponseFormat.JSON)
                        .build())
                .build();
        assertEquals(
                "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"response_format\":{\"type\":\"json_object\"}}",
                Requests.of(plain).toString());
        ChatRequest picture = ChatRequest.builder()
                .messages(UserMessage.from(ImageContent.from("http://localhost/a.png")))
                .build();
        assertThrows(UnsupportedFeatureException.class, () -> Requests.of(picture));
    }

    @Test
    void callsOfToolsAreReadAndTheReceiptStaysInTheMetadata() {
        String call =
                "{\"id\":\"1\",\"model\":\"m\",\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":null,"
                        + "\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"look\","
                        + "\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}],"
                        + "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}," + EXTENSION + "}";
        try (ScriptedServer server = new ScriptedServer(http -> send(http, 200, call));
                PlumblineClient client = server.client().build()) {
            ChatResponse response = new PlumblineChatModel(client).chat(UserMessage.from("Rain?"));
            ToolExecutionRequest asked =
                    response.aiMessage().toolExecutionRequests().getFirst();
            assertEquals("look", asked.name());
            assertEquals("{}", asked.arguments());
            assertEquals(FinishReason.TOOL_EXECUTION, response.metadata().finishReason());
            PlumblineResponseMetadata metadata = assertInstanceOf(PlumblineResponseMetadata.class, response.metadata());
            assertEquals(14, metadata.receipt().receipt().price());
            // LangChain4j rebuilds metadata where it joins responses.
            PlumblineResponseMetadata rebuilt = metadata.toBuilder().id("2").build();
            assertEquals("2", rebuilt.id());
            assertEquals(metadata.receipt(), rebuilt.receipt());
        }
    }

    @Test
    void errorsAreLangChain4jsWithOursAsTheirCause() {
        Map<Integer, Class<? extends LangChain4jException>> types = Map.of(
                400, InvalidRequestException.class,
                401, AuthenticationException.class,
                403, AuthenticationException.class,
                429, RateLimitException.class,
                500, InternalServerException.class,
                503, InternalServerException.class);
        types.forEach((status, type) -> assertEquals(type, error(status, "{\"error\":{\"message\":\"No.\"}}")));
        assertEquals(
                ModelNotFoundException.class,
                error(404, "{\"error\":{\"message\":\"No.\",\"code\":\"model_not_found\"}}"));
        assertEquals(UnresolvedModelServerException.class, error(200, "<html>"));
        assertEquals(LangChain4jException.class, error(200, answer("a", "\"other\":1")));
    }

    private static Class<?> error(int status, String body) {
        try (ScriptedServer server = new ScriptedServer(http -> send(http, status, body));
                PlumblineClient client =
                        server.client().retries(0, Duration.ZERO).build()) {
            PlumblineChatModel model = new PlumblineChatModel(client);
            LangChain4jException e = assertThrows(LangChain4jException.class, () -> model.chat("Hi"));
            assertInstanceOf(PlumblineException.class, e.getCause());
            if (e.getClass() == LangChain4jException.class) {
                assertInstanceOf(VerificationException.class, e.getCause());
            }
            return e.getClass();
        }
    }

    /** Everything that a handler is told, in order. */
    private static class Handler implements StreamingChatResponseHandler {
        final BlockingQueue<Object> told = new LinkedBlockingQueue<>();

        @Override
        public void onPartialResponse(PartialResponse piece, PartialResponseContext context) {
            told.add(piece.text());
        }

        @Override
        public void onCompleteResponse(ChatResponse response) {
            told.add(response);
        }

        @Override
        public void onError(Throwable why) {
            told.add(why);
        }

        Object next() throws InterruptedException {
            return told.poll(120, TimeUnit.SECONDS);
        }
    }

    @Test
    void aStreamIsToldInOrderWithItsErrors() throws InterruptedException {
        Handler handler = new Handler();
        try (ScriptedServer server =
                        new ScriptedServer(http -> stream(http, piece("Once") + piece(" more") + end(EXTENSION)));
                PlumblineClient client = server.client().build()) {
            new PlumblineStreamingChatModel(client).chat("Hi", handler);
            assertEquals("Once", handler.next());
            assertEquals(" more", handler.next());
            ChatResponse whole = assertInstanceOf(ChatResponse.class, handler.next());
            assertEquals("Once more", whole.aiMessage().text());
        }
        try (ScriptedServer server = new ScriptedServer(http -> stream(http, piece("Once")));
                PlumblineClient client = server.client().build()) {
            new PlumblineStreamingChatModel(client).chat("Hi", handler);
            assertEquals("Once", handler.next());
            assertInstanceOf(UnresolvedModelServerException.class, handler.next());
        }
    }

    @Test
    void aHandlerThatFailsIsToldSoAndTheRequestEnds() throws InterruptedException {
        CountDownLatch gone = new CountDownLatch(1);
        Handler handler = new Handler() {
            @Override
            public void onPartialResponse(PartialResponse piece, PartialResponseContext context) {
                throw new IllegalStateException("full");
            }
        };
        try (ScriptedServer server = new ScriptedServer(http -> endless(http, gone));
                PlumblineClient client = server.client().build()) {
            new PlumblineStreamingChatModel(client).chat("Hi", handler);
            assertEquals(
                    "full",
                    assertInstanceOf(IllegalStateException.class, handler.next())
                            .getMessage());
            assertTrue(gone.await(120, TimeUnit.SECONDS), "the request goes on");
        }
    }

    @Test
    void cancellingEndsTheRequestAndTheHandlerIsToldNoMore() throws InterruptedException {
        CountDownLatch gone = new CountDownLatch(1);
        Handler handler = new Handler() {
            @Override
            public void onPartialResponse(PartialResponse piece, PartialResponseContext context) {
                super.onPartialResponse(piece, context);
                context.streamingHandle().cancel();
            }
        };
        try (ScriptedServer server = new ScriptedServer(http -> endless(http, gone));
                PlumblineClient client = server.client().build()) {
            new PlumblineStreamingChatModel(client).chat("Hi", handler);
            assertEquals("Once", handler.next());
            assertTrue(gone.await(120, TimeUnit.SECONDS), "the request goes on");
            Thread.sleep(200);
            assertEquals(List.of(), List.copyOf(handler.told));
        }
    }

    private static void endless(com.sun.net.httpserver.HttpExchange http, CountDownLatch gone)
            throws IOException, InterruptedException {
        stream(http, piece("Once") + piece(" more"));
        try {
            while (true) {
                Thread.sleep(20);
                http.getResponseBody().write(piece("more").getBytes());
                http.getResponseBody().flush();
            }
        } catch (IOException e) {
            gone.countDown();
        }
    }
}
