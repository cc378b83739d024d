package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.node.http.HttpExchange;
import io.plumbline.node.tenant.Admission;
import io.plumbline.verifier.audit.Level;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.agrona.CloseHelper;

/** The language models of a server, by the names that clients know them by: a request's body says which is meant. */
final class LanguageModels implements AutoCloseable {
    private final SortedMap<String, ChatApi> byName = new TreeMap<>();

    /**
     * Opens those among {@code models} that are no ONNX models.
     *
     * @param level at which answers are audited where a client does not say.
     */
    LanguageModels(Answerers answerers, RequestSources sources, Map<String, Path> models, Level level)
            throws IOException {
        try {
            for (Map.Entry<String, Path> model : models.entrySet()) {
                if (!TensorPackage.isIn(model.getValue())) {
                    byName.put(
                            model.getKey(), new ChatApi(answerers, sources, model.getKey(), model.getValue(), level));
                }
            }
        } catch (IOException | RuntimeException e) {
            close();
            throw e;
        }
    }

    /** All of them. */
    Collection<ChatApi> all() {
        return byName.values();
    }

    /** Answers a request, once it is known which model is meant. */
    interface Answering {
        void answer(ChatApi model, HttpExchange http, JsonNode body) throws IOException;
    }

    /** Reads a request, and has the model answer that it names. */
    void answer(HttpExchange http, Http.Refusal form, Answering how) throws IOException {
        Http.guarded(http, form, () -> {
            if (byName.isEmpty()) {
                throw new ApiException(404, "This server has no language model.");
            }
            if (byName.size() == 1) {
                // Before its body is read: it can mean no other.
                Http.requireMayAsk(http, byName.firstKey());
            }
            int most = byName.values().stream()
                    .mapToInt(ChatApi::maxBodyBytes)
                    .max()
                    .getAsInt();
            JsonNode body = Http.json(http, most, ChatRequest.MAX_VALUES);
            ChatApi model = named(body.path("model"), http);
            Http.requireMayAsk(http, model.modelName());
            how.answer(model, http, body);
        });
    }

    /** The model that a request names; the only one where it names none, or one that is not there. */
    private ChatApi named(JsonNode name, HttpExchange http) {
        ChatApi found = byName.get(name.asText());
        if (found == null && byName.size() == 1) {
            return byName.get(byName.firstKey());
        }
        if (found == null) {
            List<String> names =
                    byName.keySet().stream().filter(Admission.of(http)::mayAsk).toList();
            boolean isMissing = name.isMissingNode() || name.isNull();
            throw new ApiException(
                    isMissing ? 400 : 404,
                    isMissing ? "missing_required_parameter" : "model_not_found",
                    "model",
                    (isMissing ? "\"model\" is missing" : "The model \"" + name.asText() + "\" does not exist")
                            + "; this server has " + String.join(", ", names) + ".");
        }
        return found;
    }

    @Override
    public void close() {
        CloseHelper.closeAll(byName.values());
    }
}
