package io.plumbline.node.applications;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import io.plumbline.client.ApiException;
import io.plumbline.client.ChatAnswer;
import io.plumbline.client.ChatRequest;
import io.plumbline.client.ChatStream;
import io.plumbline.client.Embeddings;
import io.plumbline.client.PlumblineClient;
import io.plumbline.client.VerificationException;
import io.plumbline.client.langchain4j.PlumblineChatModel;
import io.plumbline.client.langchain4j.PlumblineResponseMetadata;
import io.plumbline.client.langchain4j.PlumblineStreamingChatModel;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.CertifiedSettlement.Opinion;
import io.plumbline.verifier.lightclient.CertifiedSettlement.Status;
import io.plumbline.verifier.lightclient.SettlementProof;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Client libraries of applications against a network: ours, and others' as they are published. */
@Tag("slow")
class ApplicationsTest {
    private static final Duration LONG = Duration.ofMinutes(1);

    @TempDir
    static Path folder;

    private static ApplicationNetwork network;
    private static PlumblineClient client;

    @BeforeAll
    static void start() throws Exception {
        network = new ApplicationNetwork(folder);
        client = PlumblineClient.builder()
                .baseUrl(network.base())
                .model("stories")
                .network(network.networkFile())
                .build();
    }

    @AfterAll
    static void stop() {
        client.close();
        network.close();
    }

    private static ChatRequest.Builder fox() {
        return ChatRequest.builder()
                .user("Tell me a story about a fox.")
                .temperature(0)
                .maxTokens(24);
    }

    @Test
    void anAnswerIsGivenSignedSettledAndCheckedOffline() {
        String node = HexFormat.of().formatHex(network.storytellersKey());
        ChatAnswer answer = client.chat(fox().level(Level.FULL).node(node).build());
        assertEquals(24, answer.usage().completionTokens());
        assertEquals("length", answer.finishReason());
        assertEquals("stories", answer.model());
        Receipt receipt = answer.receipt().receipt();
        assertEquals(Bytes32.of(network.storytellersKey()), receipt.node());
        assertEquals(24, receipt.outputTokens());
        SettlementProof proof = answer.receipt().awaitSettlement(LONG);
        assertEquals(Status.SETTLED, proof.settlement().status());
        assertEquals(Level.FULL, proof.settlement().level());
        assertEquals(Opinion.GOOD, proof.settlement().verdicts().getFirst().opinion());
        assertArrayEquals(receipt.encode(), proof.settlement().receipt().encode());
    }

    /** The gateway and the node are the same, the keys are not: what they certify is believed no more. */
    @Test
    void anotherNetworksKeysBelieveNoSettlement() throws Exception {
        Genesis genesis = Network.read(network.networkFile()).genesis();
        try (PlumblineClient other = PlumblineClient.builder()
                .baseUrl(network.base())
                .model("stories")
                .fullNodes(genesis.hash(), List.of(KeyPair.random().publicKey()))
                .build()) {
            ChatAnswer answer = other.chat(fox().maxTokens(2).build());
            VerificationException e = assertThrows(
                    VerificationException.class, () -> answer.receipt().awaitSettlement(LONG));
            assertEquals("QUORUM", e.failure());
        }
    }

    @Test
    void aStreamIsTheSameAnswerAndASeedTheSameDraws() {
        StringBuilder streamed = new StringBuilder();
        try (ChatStream stream = client.stream(fox().build())) {
            stream.forEach(streamed::append);
            assertEquals(streamed.toString(), stream.answer().text());
            assertEquals(24, stream.answer().usage().completionTokens());
        }
        assertEquals(streamed.toString(), client.chat(fox().build()).text());
        ChatRequest drawn = fox().temperature(1).seed(7).build();
        String first = client.chat(drawn).text();
        assertEquals(first, client.chat(drawn).text());
        assertNotEquals(first, client.chat(fox().temperature(1).seed(8).build()).text());
        String word = streamed.substring(0, streamed.indexOf(" ", 5));
        ChatAnswer stopped = client.chat(fox().stop(word).build());
        assertEquals("", stopped.text());
        assertEquals("stop", stopped.finishReason());
    }

    @Test
    void aGrammarAndASchemaHoldTheAnswerThatSettles() throws Exception {
        ChatAnswer answer = client.chat(
                fox().grammar("root ::= \"yes, \" (\"red\" | \"blue\")").build());
        assertTrue(answer.text().matches("yes, (red|blue)"), answer.text());
        assertEquals("stop", answer.finishReason());
        SettlementProof proof = answer.receipt().awaitSettlement(LONG);
        assertEquals(Status.SETTLED, proof.settlement().status());

        JsonSchema schema = JsonSchema.builder()
                .name("colour")
                .rootElement(JsonObjectSchema.builder()
                        .addEnumProperty("colour", List.of("red", "blue"))
                        .required("colour")
                        .build())
                .build();
        ResponseFormat format = ResponseFormat.builder()
                .type(ResponseFormatType.JSON)
                .jsonSchema(schema)
                .build();
        ChatRequestParameters parameters = ChatRequestParameters.builder()
                .temperature(0.0)
                .responseFormat(format)
                .build();
        String json = new PlumblineChatModel(client, parameters).chat("Which colour has the fox?");
        String colour = new ObjectMapper().readTree(json).path("colour").asText();
        assertTrue(colour.matches("red|blue"), json);
    }

    @Test
    void textsAreEmbeddedWithAReceiptThatSettles() {
        Embeddings embeddings =
                client.embed(List.of("A bear lost his kite.", "The kite of a bear was gone.", "Cake!"), "sentences");
        assertEquals(3, embeddings.vectors().size());
        assertEquals(64, embeddings.vectors().getFirst().length);
        Receipt receipt = embeddings.receipts().getFirst().receipt();
        assertEquals(Receipt.TOLERANT, receipt.contractVersion());
        SettlementProof proof = embeddings.receipts().getFirst().awaitSettlement(LONG);
        assertEquals(Status.SETTLED, proof.settlement().status());
    }

    @Test
    void refusalsHaveTheApisCodes() {
        ApiException other = assertThrows(
                ApiException.class, () -> client.chat(fox().model("gpt-9").build()));
        assertEquals(404, other.status());
        assertEquals("model_not_found", other.code());
        ApiException hot = assertThrows(
                ApiException.class, () -> client.stream(fox().temperature(-1).build()));
        assertEquals(400, hot.status());
        assertEquals("temperature", hot.parameter());
        assertThrows(ApiException.class, () -> client.embed(List.of("a"), "stories"));
    }

    @Test
    void langChain4jHasTheReceiptInItsMetadata() throws Exception {
        ChatRequestParameters defaults = ChatRequestParameters.builder()
                .temperature(0.0)
                .maxOutputTokens(24)
                .build();
        PlumblineChatModel model = new PlumblineChatModel(client, defaults);
        ChatResponse whole =
                model.chat(SystemMessage.from("You tell stories."), UserMessage.from("Tell me a story about a fox."));
        PlumblineResponseMetadata metadata = assertInstanceOf(PlumblineResponseMetadata.class, whole.metadata());
        assertEquals(FinishReason.LENGTH, metadata.finishReason());
        assertEquals(24, metadata.tokenUsage().outputTokenCount());
        assertEquals(24, metadata.receipt().receipt().outputTokens());
        assertEquals(
                Status.SETTLED,
                metadata.receipt().awaitSettlement(LONG).settlement().status());
        HeardStream heard = new HeardStream();
        new PlumblineStreamingChatModel(client, defaults)
                .chat(
                        List.of(
                                SystemMessage.from("You tell stories."),
                                UserMessage.from("Tell me a story about a fox.")),
                        heard);
        ChatResponse streamed = heard.whole();
        assertEquals(whole.aiMessage().text(), streamed.aiMessage().text());
        assertEquals(whole.aiMessage().text(), heard.pieces());
        assertInstanceOf(PlumblineResponseMetadata.class, streamed.metadata());

        ChatRequestParameters wrong =
                ChatRequestParameters.builder().modelName("gpt-9").build();
        ModelNotFoundException e =
                assertThrows(ModelNotFoundException.class, () -> new PlumblineChatModel(client, wrong).chat("Hi"));
        assertInstanceOf(ApiException.class, e.getCause());
        HeardStream refused = new HeardStream();
        new PlumblineStreamingChatModel(client, wrong).chat("Hi", refused);
        assertInstanceOf(
                ModelNotFoundException.class,
                assertThrows(ExecutionException.class, refused::whole).getCause());
    }

    @Test
    void openAisOwnClientWorksUnmodified() {
        OpenAiJava.check(network.base());
    }

    @Test
    void langChain4jsOwnOpenAiModelsWorkUnmodified() throws Exception {
        LangChain4jOpenAi.check(network.base());
    }

    @Test
    void thePublishedRequestsOfTheOpenInferenceProtocolAreAnswered() throws Exception {
        PublishedTensorRequests.check(network.url());
    }

    @Test
    void theExamplesOfTheApisPageRun() throws Exception {
        List<String> examples = DocumentedExample.of("docs/api.md");
        assertEquals(2, examples.size());
        String first = run(examples.get(0), "first");
        assertTrue(first.contains("bear") && first.matches("(?s).*\nSETTLED in block \\d+\n"), first);
        String second = run(examples.get(1), "second");
        assertTrue(second.matches("(?s).+\nprice \\d+\n"), second);
    }

    private static String run(String example, String name) throws Exception {
        String here = example.replace("http://localhost:8080/v1", network.base())
                .replace("network.json", network.networkFile().toString());
        return DocumentedExample.run(here, List.of(), folder.resolve(name));
    }
}
