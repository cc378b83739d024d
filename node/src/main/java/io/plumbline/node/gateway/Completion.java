package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.engine.Logprobs;
import io.plumbline.inference.language.tokenizer.TextStream;
import io.plumbline.node.client.AnswerStream;
import io.plumbline.node.client.ChosenToken;
import io.plumbline.node.client.NodeClient.Answered;
import io.plumbline.node.network.BusyException;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/** One chat completion under way: its choices are answered side by side, each with a receipt of its own. */
final class Completion implements AutoCloseable {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final HexFormat HEX = HexFormat.of();
    private static final SecureRandom RANDOM = new SecureRandom();

    private final ChatApi api;
    private final ChatRequest chat;
    private final CompletionShape shape;
    private final String id;
    private final List<Choice> choices = new CopyOnWriteArrayList<>();
    private final AtomicInteger computing;
    private Runnable onComputed = () -> {};
    private volatile boolean isCancelled;
    /** Choices with news: a token, or their end. */
    private final BlockingQueue<News> news = new LinkedBlockingQueue<>();

    /** @param chosen null at a choice's end. */
    private record News(Choice choice, ChosenToken chosen) {}

    private static final class Choice {
        private final int index;
        private final TextStream text;
        private final Tries tries;
        private volatile Request request;
        /** What the client has been told the hash of; another one where another node began anew. */
        private Request named;

        private Answerers.Answerer by;
        private final ArrayNode logprobs = MAPPER.createArrayNode();
        private volatile AnswerStream inference;
        private Answered answered;
        private volatile Exception failure;

        Choice(int index, Request request, TextStream text, Tries tries) {
            this.index = index;
            this.tries = tries;
            this.request = request;
            this.text = text;
        }

        private void rethrow() throws IOException {
            if (failure instanceof RuntimeException refused) {
                throw refused;
            }
            if (failure instanceof IOException failed) {
                throw failed;
            }
        }
    }

    Completion(ChatApi api, ChatRequest chat, CompletionShape shape) {
        this.api = api;
        this.chat = chat;
        this.shape = shape;
        this.computing = new AtomicInteger(chat.requests().size());
        this.id = shape.prefix() + HEX.formatHex(chat.requests().getFirst().hash(), 0, 12);
    }

    /** Has {@code action} run once all choices have ended, whether or not the client has taken them. */
    void onComputed(Runnable action) {
        onComputed = action;
    }

    /** Has all choices answered: each begins beside the others. */
    void start() throws IOException {
        List<Thread> beginning = new ArrayList<>();
        for (Request request : chat.requests()) {
            Choice choice = new Choice(
                    choices.size(),
                    request,
                    new TextStream(api.tokenizer(), request.stopTexts()),
                    api.tries(chat.level(), chat.node()));
            choices.add(choice);
            beginning.add(Thread.startVirtualThread(() -> guarded(choice, () -> begin(choice, choice.tries.first()))));
        }
        try {
            for (Thread thread : beginning) {
                thread.join();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while answering.", e);
        }
        for (Choice choice : choices) {
            choice.rethrow();
        }
        choices.forEach(choice -> Thread.startVirtualThread(() -> await(choice)));
    }

    private interface Work {
        void run() throws IOException;
    }

    private static void guarded(Choice choice, Work work) {
        try {
            work.run();
        } catch (IOException | RuntimeException e) {
            choice.failure = e;
        } catch (Error e) {
            // Whoever waits for this choice must hear of its end.
            choice.failure = new IOException("The answer could not be taken: " + e, e);
            throw e;
        }
    }

    private void begin(Choice choice, Answerers.Answerer first) throws IOException {
        AnswerStream begun = null;
        Answerers.Answerer by = first;
        while (begun == null) {
            choice.by = by;
            try {
                begun = api.infer(
                        choice.request,
                        by,
                        chat.level(),
                        chat.topLogprobs(),
                        chosen -> news.add(new News(choice, chosen)));
            } catch (BusyException e) {
                // No money was put up, and nothing asked: the next node may have the same request.
                by = choice.tries.next(e);
            }
        }
        choice.inference = begun;
        if (isCancelled) {
            cancel(choice);
        }
    }

    private void await(Choice choice) {
        try {
            guarded(choice, () -> {
                while (choice.answered == null) {
                    try {
                        choice.answered = api.checked(
                                choice.inference.await(), choice.request, choice.inference.delivered(), choice.by);
                    } catch (IOException | IllegalArgumentException e) {
                        // Where it was cancelled the node ended it because it was told to.
                        if (isCancelled || choice.inference.delivered().seal() > 0) {
                            throw e;
                        }
                        // A refusal too: the gateway has looked at the request, and another node may take it.
                        beginAnew(choice, e);
                    }
                }
            });
        } finally {
            news.add(new News(choice, null));
            if (computing.decrementAndGet() == 0) {
                onComputed.run();
            }
        }
    }

    /** Has another node answer. */
    private void beginAnew(Choice choice, Exception why) throws IOException {
        // A busy one too: it is asked last for a while.
        choice.by.refused(why);
        choice.inference.close();
        Answerers.Answerer other = choice.tries.next(why);
        choice.request = choice.request.renewed(nonce());
        begin(choice, other);
    }

    private static byte[] nonce() {
        byte[] nonce = new byte[16];
        RANDOM.nextBytes(nonce);
        return nonce;
    }

    private interface OnPiece {
        void piece(Choice choice, String text, ObjectNode logprobs, boolean end) throws IOException;
    }

    /** Follows all choices to their end. */
    private void follow(OnPiece listener) throws IOException {
        int open = choices.size();
        try {
            while (open > 0) {
                News next = news.take();
                Choice choice = next.choice();
                if (next.chosen() == null) {
                    choice.rethrow();
                    open--;
                    api.answered(choice.request, choice.answered);
                    listener.piece(choice, choice.text.finish(), null, true);
                } else {
                    ObjectNode logprobs = logprobs(next.chosen());
                    if (logprobs != null) {
                        choice.logprobs.add(logprobs);
                    }
                    listener.piece(choice, choice.text.add(next.chosen().token()), logprobs, false);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while answering.", e);
        }
    }

    /** The answer in one JSON object. */
    ObjectNode whole() throws IOException {
        follow((choice, piece, logprobs, end) -> {});
        ObjectNode json = envelope(shape.object());
        ArrayNode array = json.putArray("choices");
        for (Choice choice : choices) {
            ObjectNode one = array.addObject().put("index", choice.index);
            shape.whole(one, signedText(choice));
            if (chat.topLogprobs() < 0) {
                one.putNull("logprobs");
            } else {
                shape.logprobs(one, choice.logprobs);
            }
            one.put("finish_reason", finishReason(choice));
            one.set("plumbline", extension(choice));
        }
        json.set("usage", usage());
        json.set("plumbline", extension(choices.getFirst()));
        return json;
    }

    /** Server-sent events, a delta for each piece of whole characters. A client that goes away ends the answers. */
    void stream(OutputStream out) throws IOException {
        try {
            for (Choice choice : choices) {
                ObjectNode json = chunk(choice, null);
                shape.begin((ObjectNode) json.path("choices").path(0));
                name(choice, json);
                write(out, json);
            }
            follow((choice, piece, logprobs, end) -> {
                if (!piece.isEmpty() || logprobs != null) {
                    ObjectNode json = chunk(choice, null);
                    ObjectNode one = (ObjectNode) json.path("choices").path(0);
                    shape.piece(one, piece);
                    if (choice.request != choice.named) {
                        name(choice, json);
                    }
                    if (logprobs != null) {
                        shape.logprobs(one, MAPPER.createArrayNode().add(logprobs));
                    }
                    write(out, json);
                }
                if (end) {
                    ObjectNode json = chunk(choice, finishReason(choice));
                    json.set("plumbline", extension(choice));
                    write(out, json);
                }
            });
            if (chat.usage()) {
                ObjectNode json = envelope(shape.chunk());
                json.putArray("choices");
                json.set("usage", usage());
                write(out, json);
            }
        } catch (IOException | RuntimeException e) {
            // The status line is long gone: what went wrong is the stream's last event, if anyone still reads.
            ObjectNode json = MAPPER.createObjectNode();
            String type = e instanceof IOException ? "server_error" : "invalid_request_error";
            json.putObject("error")
                    .put("message", e.getMessage())
                    .put("type", type)
                    .put("code", Http.code(e));
            write(out, json);
        }
        out.write("data: [DONE]\n\n".getBytes(StandardCharsets.UTF_8));
    }

    /** Whoever loses the stream can still ask what became of the money. */
    private static void name(Choice choice, ObjectNode chunk) {
        Request request = choice.request;
        chunk.putObject("plumbline").put("request_hash", HEX.formatHex(request.hash()));
        choice.named = request;
    }

    private ObjectNode chunk(Choice choice, String finish) {
        ObjectNode json = envelope(shape.chunk());
        ObjectNode one = json.putArray("choices").addObject().put("index", choice.index);
        shape.piece(one, "");
        one.put("finish_reason", finish);
        return json;
    }

    private static void write(OutputStream out, ObjectNode json) throws IOException {
        out.write(("data: " + json + "\n\n").getBytes(StandardCharsets.UTF_8));
        out.flush();
    }

    private ObjectNode envelope(String object) {
        return MAPPER.createObjectNode()
                .put("id", id)
                .put("object", object)
                .put("created", System.currentTimeMillis() / 1000)
                .put("model", api.modelName());
    }

    private static String finishReason(Choice choice) {
        int[] tokens = choice.answered.answer().tokens();
        boolean stopped = choice.text.isStopped() || choice.request.stopsAt(tokens[tokens.length - 1]);
        return stopped ? "stop" : "length";
    }

    /** The text that the node signed, up to the stop text that ended it. */
    private static String signedText(Choice choice) {
        return choice.request.withoutStop(choice.answered.answer().text());
    }

    /** Tokens of the requests' prompts: choices of one prompt share them. */
    static int promptTokens(List<Request> requests) {
        return requests.stream()
                .map(Request::promptTokens)
                .collect(Collectors.toCollection(() -> Collections.newSetFromMap(new IdentityHashMap<>())))
                .stream()
                .mapToInt(tokens -> tokens.length)
                .sum();
    }

    /** Tokens that were computed by now, also for a client that has gone; 0 where no answer has begun. */
    long usedTokens() {
        long delivered = 0;
        boolean hasBegun = false;
        for (Choice choice : choices) {
            if (choice.inference != null) {
                int tokens = choice.inference.delivered().count();
                hasBegun |= tokens > 0;
                delivered += tokens;
            }
        }
        return hasBegun ? promptTokens(chat.requests()) + delivered : 0;
    }

    private ObjectNode usage() {
        int prompt = promptTokens(chat.requests());
        int output = choices.stream()
                .mapToInt(choice -> choice.answered.answer().tokens().length)
                .sum();
        return MAPPER.createObjectNode()
                .put("prompt_tokens", prompt)
                .put("completion_tokens", output)
                .put("total_tokens", prompt + output);
    }

    private ObjectNode extension(Choice choice) {
        Receipt receipt = choice.answered.receipt();
        ObjectNode json = MAPPER.createObjectNode();
        if (chat.topLogprobs() >= 0) {
            // No receipt covers them: they are the node's word alone.
            json.put("logprobs", "unverified");
        }
        return json.put("request_hash", HEX.formatHex(choice.request.hash()))
                .put("receipt", HEX.formatHex(receipt.encode()))
                .put("trace_root", HEX.formatHex(receipt.traceRoot()))
                .put("trace_bytes", receipt.traceBytes())
                .put("node", HEX.formatHex(receipt.node()))
                .put("price", receipt.price())
                .put("cpu_ms", choice.answered.cpuNanos() / 1e6);
    }

    private ObjectNode logprobs(ChosenToken chosen) {
        Logprobs logprobs = chosen.logprobs();
        if (logprobs == null) {
            return null;
        }
        ObjectNode json = logprob(chosen.token(), logprobs.chosen());
        ArrayNode top = json.putArray("top_logprobs");
        for (int i = 0; i < logprobs.tokens().length; i++) {
            top.add(logprob(logprobs.tokens()[i], logprobs.values()[i]));
        }
        return json;
    }

    private ObjectNode logprob(int token, float value) {
        String text = api.tokenizer().name(token);
        ObjectNode json = MAPPER.createObjectNode().put("token", text).put("logprob", value);
        ArrayNode bytes = json.putArray("bytes");
        for (byte b : api.tokenizer().bytes(token)) {
            bytes.add(b & 0xFF);
        }
        return json;
    }

    /**
     * Has the node end what it still answers: the client has gone. What it gave by then fails {@link #whole()} and
     * {@link #stream}. Any thread may call.
     */
    void cancel() {
        isCancelled = true;
        choices.forEach(this::cancel);
    }

    private void cancel(Choice choice) {
        AnswerStream inference = choice.inference;
        if (inference != null) {
            inference.cancel();
        }
    }

    /** Cancels what is still being answered: nobody reads it. */
    @Override
    public void close() throws IOException {
        isCancelled = true;
        for (Choice choice : choices) {
            if (choice.inference != null) {
                choice.inference.cancel();
                choice.inference.close();
            }
        }
    }
}
