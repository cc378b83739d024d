package io.plumbline.node.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.node.http.Origins;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Receipt;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two language models behind one address: what a request names is what is asked for. */
class LanguageModelsTest {
    private static final String BODY = "\"max_tokens\":4,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}";

    @TempDir
    static Path folder;

    /** No node has any model; a refusal says which one was looked for. */
    private static final Answerers NONE = new Answerers() {
        @Override
        public Bytes32 requester() {
            return Bytes32.ZERO;
        }

        @Override
        public Answerer find(Bytes32 modelId, NodeWish wish, Set<Bytes32> tried) {
            throw new ApiException(503, "looked for " + modelId);
        }

        @Override
        public long mostPrice() {
            return 0;
        }

        @Override
        public long hedgeMs() {
            return 0;
        }

        @Override
        public void answered(Receipt receipt, int units) {}

        @Override
        public boolean isWell() {
            return true;
        }

        @Override
        public boolean hasModel(Bytes32 modelId) {
            return true;
        }
    };

    private static HttpResponse<String> post(int port, String path, String body) throws Exception {
        return HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create("http://localhost:" + port + path))
                                .POST(HttpRequest.BodyPublishers.ofString(body))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
    }

    @Test
    void aRequestIsForTheModelThatItNames() throws Exception {
        try (LoadedModel one = TestModels.load(TestModels.SHIPPED, folder);
                LoadedModel other = TestModels.shippedWith("{{ messages[0].content }}", folder);
                ApiServer server = new ApiServer(
                        NONE,
                        new FileSources(List.of()),
                        Map.of("one", one.folder(), "other", other.folder()),
                        Level.SIGNED,
                        new ApiServer.Place("localhost", 0, Origins.LOCAL),
                        routes -> {},
                        Throwable::printStackTrace)) {
            for (String path : new String[] {"/v1/chat/completions", "/v1/messages"}) {
                for (Map.Entry<String, LoadedModel> named :
                        Map.of("one", one, "other", other).entrySet()) {
                    String said = post(server.port(), path, "{\"model\":\"" + named.getKey() + "\"," + BODY)
                            .body();
                    assertTrue(said.contains(named.getValue().id().toString()), said);
                }
                HttpResponse<String> unnamed = post(server.port(), path, "{" + BODY);
                assertEquals(400, unnamed.statusCode());
                assertTrue(unnamed.body().contains("one, other"), unnamed.body());
                HttpResponse<String> unknown = post(server.port(), path, "{\"model\":\"third\"," + BODY);
                assertEquals(404, unknown.statusCode());
                assertTrue(unknown.body().contains("third"), unknown.body());
            }
            String counted = post(server.port(), "/v1/messages/count_tokens", "{\"model\":\"one\"," + BODY)
                    .body();
            assertNotEquals(
                    counted,
                    post(server.port(), "/v1/messages/count_tokens", "{\"model\":\"other\"," + BODY)
                            .body(),
                    "each has a template of its own");
        }
    }
}
