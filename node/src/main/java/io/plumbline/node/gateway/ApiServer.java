package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.micrometer.core.instrument.MeterRegistry;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.node.http.DrainGate;
import io.plumbline.node.http.HttpExchange;
import io.plumbline.node.http.HttpLimits;
import io.plumbline.node.http.HttpRoutes;
import io.plumbline.node.http.HttpServer;
import io.plumbline.node.http.Origins;
import io.plumbline.node.tenant.Admission;
import io.plumbline.transport.Endpoint;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.agrona.CloseHelper;

/**
 * What applications see, whoever answers: OpenAI's API and the Open Inference Protocol over HTTP. It checks every
 * receipt and hands it to the client beside the answer.
 */
public final class ApiServer implements AutoCloseable {
    private static final HexFormat HEX = HexFormat.of();

    private final AnswersUnderWay answerers;
    private final LanguageModels languages;
    private final TensorApi tensors;
    private final EmbeddingsApi embeddings;
    private final Access access;
    private final HttpServer server;
    private final DrainGate gate = new DrainGate();

    /**
     * Where it is reached.
     *
     * @param port 0 takes any free one.
     * @param origins the web pages that may use it.
     * @param access the tenants that may use it, and how it is known to them; closed with the server.
     * @param operator adds the operator's routes; not where there are tenants or payers, whose business they are not.
     */
    public record Place(String host, int port, Origins origins, Access access, Consumer<HttpRoutes> operator) {
        /** For everybody, in the clear. */
        public Place(String host, int port, Origins origins) {
            this(host, port, origins, Access.open());
        }

        /** Without an operator's routes. */
        public Place(String host, int port, Origins origins, Access access) {
            this(host, port, origins, access, routes -> {});
        }
    }

    /**
     * Starts it.
     *
     * @param sources where facts and files are found that requests name.
     * @param models folders of imported models by the names clients know them by.
     * @param level at which answers are audited where a client does not say.
     * @param more adds routes beside those of the APIs.
     * @param faults hears what went wrong with the server itself.
     */
    public ApiServer(
            Answerers answerers,
            RequestSources sources,
            Map<String, Path> models,
            Level level,
            Place place,
            Consumer<HttpRoutes> more,
            Consumer<Throwable> faults)
            throws IOException {
        this.answerers = new AnswersUnderWay(answerers);
        this.languages = new LanguageModels(this.answerers, sources, models, level);
        this.tensors = new TensorApi(this.answerers, sources, tensors(models), level);
        this.embeddings = new EmbeddingsApi(tensors, level);
        HttpRoutes routes = routes();
        more.accept(routes);
        this.access = place.access();
        if (access.showsMetrics()) {
            place.operator().accept(routes);
        }
        try {
            this.server = HttpServer.start(
                    place.host(),
                    place.port(),
                    // Before the tenants: what is turned away counts for none of them.
                    gate.before(access.guard(routes)),
                    Http::refusal,
                    HttpLimits.ofBodies(Endpoint.MAX_MESSAGE_BYTES),
                    place.origins(),
                    access.tls(),
                    faults);
        } catch (IOException e) {
            CloseHelper.closeAll(embeddings, languages);
            throw e;
        }
        access.start(faults);
    }

    private static SortedMap<String, TensorPackage> tensors(Map<String, Path> models) throws IOException {
        SortedMap<String, TensorPackage> tensors = new TreeMap<>();
        for (String name : models.keySet()) {
            if (TensorPackage.isIn(models.get(name))) {
                tensors.put(name, TensorPackage.open(models.get(name)));
            }
        }
        return tensors;
    }

    public int port() {
        return server.port();
    }

    /** Adds its metrics; answers that begin from now on count. */
    public void bindTo(MeterRegistry registry) {
        answerers.measure(new ApiMetrics(registry, this));
    }

    /** Requests that are being answered. */
    public int underWay() {
        return gate.inside();
    }

    /** Answers nothing new from now on. */
    public void drain() {
        gate.drain();
    }

    public boolean isDraining() {
        return gate.isDraining();
    }

    /** Whether nothing is being answered. */
    public boolean isIdle() {
        return gate.isEmpty();
    }

    /** Ends what is being answered early: each client has what it has by then, and the receipt for it. */
    public void cut() {
        answerers.cut();
    }

    private HttpRoutes routes() {
        HttpRoutes routes = new HttpRoutes();
        routes.get("/health", http -> http.send(isWell() ? 200 : 503, new byte[0]))
                .get("/v1/models", this::models)
                .get("/v1/models/{model}", this::model)
                .get("/v1/usage", UsageApi::answer)
                .post("/v1/embeddings", embeddings::embed)
                .post("/v1/chat/completions", http -> languages.answer(http, Http::openAi, ChatApi::chat))
                .post("/v1/completions", http -> languages.answer(http, Http::openAi, ChatApi::text))
                .post("/v1/responses", http -> languages.answer(http, Http::openAi, ChatApi::responses))
                .post("/v1/messages", http -> languages.answer(http, Http::anthropic, ChatApi::messages))
                .post(
                        "/v1/messages/count_tokens",
                        http -> languages.answer(http, Http::anthropic, ChatApi::countTokens));
        tensors.route(routes);
        return routes;
    }

    private boolean isWell() {
        return !gate.isDraining() && answerers.isWell();
    }

    /** A model as {@code /v1/models} lists it. */
    static ObjectNode listed(String name, Bytes32 id) {
        return Http.MAPPER
                .createObjectNode()
                .put("id", name)
                .put("object", "model")
                .put("created", 0)
                .put("owned_by", "plumbline")
                .put("plumbline_model_id", id.toString());
    }

    /** By the names clients know them by. */
    private SortedMap<String, ObjectNode> listed() {
        SortedMap<String, ObjectNode> all = new TreeMap<>();
        languages.all().forEach(model -> all.put(model.modelName(), model.listed()));
        tensors.names()
                .forEach(name -> all.put(
                        name, listed(name, tensors.model(name).manifest().id())));
        return all;
    }

    private void models(HttpExchange http) throws IOException {
        ObjectNode json = Http.MAPPER.createObjectNode().put("object", "list");
        ArrayNode data = json.putArray("data");
        listed().forEach((name, model) -> {
            if (Admission.of(http).mayAsk(name)) {
                data.add(model);
            }
        });
        Http.guarded(http, Http::openAi, () -> Http.send(http, 200, json));
    }

    private void model(HttpExchange http) throws IOException {
        Http.guarded(http, Http::openAi, () -> {
            String name = http.parameter("model");
            Http.requireMayAsk(http, name);
            ObjectNode json = listed().get(name);
            if (json == null) {
                throw new ApiException(404, "model_not_found", "model", "The model \"" + name + "\" does not exist.");
            }
            Http.send(http, 200, json);
        });
    }

    @Override
    public void close() {
        server.close();
        CloseHelper.closeAll(access, embeddings, languages);
    }
}
