package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.engine.Logprobs;
import io.plumbline.node.client.ChosenToken;
import io.plumbline.node.gateway.answer.AnswerMessage;
import io.plumbline.node.gateway.answer.AnswerPart;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** A completion as OpenAI's two APIs for text word it: whole, or as events of a stream. */
final class OpenAiCompletion implements CompletionWriter {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final HexFormat HEX = HexFormat.of();

    /** Stands for a piece of text; a model's name has no such character. */
    private static final String PIECE = "\u2060";

    private final Completion completion;
    private final ChatRequest chat;
    private final CompletionShape shape;
    private final String id;
    private final long created = System.currentTimeMillis() / 1000;

    /** The texts around a piece in an event, two by choice: most events differ in the piece alone. */
    private final Map<Choice, String[]> around = new HashMap<>();

    /** The same of pieces of reasoning. */
    private final Map<Choice, String[]> aroundReasoning = new HashMap<>();

    /** The request whose hash the client has been told, by choice; another one where another node began anew. */
    private final Map<Choice, Request> named = new HashMap<>();

    OpenAiCompletion(Completion completion, CompletionShape shape) {
        this.completion = completion;
        this.chat = completion.chat();
        this.shape = shape;
        this.id = shape.prefix() + chat.requests().getFirst().hash().toString().substring(0, 24);
    }

    @Override
    public ObjectNode whole() throws IOException {
        Map<Choice, ArrayNode> logprobs = new HashMap<>();
        completion.follow(new Completion.Listener() {
            @Override
            public void onTokens(Choice choice, List<ChosenToken> chosen, List<AnswerPart> parts) {
                logprobs.computeIfAbsent(choice, unused -> MAPPER.createArrayNode())
                        .addAll(logprobs(chosen));
            }

            @Override
            public void onEnd(Choice choice, List<AnswerPart> parts) {}
        });
        ObjectNode json = envelope(shape.object());
        ArrayNode array = json.putArray("choices");
        for (Choice choice : completion.choices()) {
            ObjectNode one = array.addObject().put("index", choice.index());
            AnswerMessage message = choice.message();
            List<ObjectNode> calls = message.calls().stream()
                    .map(call -> call(choice, call.index(), call.name(), call.arguments()))
                    .toList();
            shape.whole(one, message.text(), message.reasoning(), calls);
            if (chat.topLogprobs() < 0) {
                one.putNull("logprobs");
            } else {
                shape.logprobs(one, logprobs.getOrDefault(choice, MAPPER.createArrayNode()));
            }
            one.put("finish_reason", finishReason(choice));
            one.set("plumbline", extension(choice));
        }
        json.set("usage", usage());
        json.set("plumbline", array.path(0).path("plumbline"));
        return json;
    }

    @Override
    public void stream(OutputStream to) throws IOException {
        EventStream out = new EventStream(to);
        try {
            for (Choice choice : completion.choices()) {
                ObjectNode json = chunk(choice, null);
                shape.begin((ObjectNode) json.path("choices").path(0));
                name(choice, json);
                out.add(json.toString());
            }
            out.flush();
            completion.follow(new Completion.Listener() {
                @Override
                public void onTokens(Choice choice, List<ChosenToken> chosen, List<AnswerPart> parts)
                        throws IOException {
                    write(choice, logprobs(chosen), parts, out);
                }

                @Override
                public void onEnd(Choice choice, List<AnswerPart> parts) throws IOException {
                    write(choice, List.of(), parts, out);
                    ObjectNode json = chunk(choice, finishReason(choice));
                    json.set("plumbline", extension(choice));
                    out.add(json.toString());
                }

                @Override
                public void onPause() throws IOException {
                    out.flush();
                }
            });
            if (chat.usage()) {
                ObjectNode json = envelope(shape.chunk());
                json.putArray("choices");
                json.set("usage", usage());
                out.add(json.toString());
            }
        } catch (IOException | RuntimeException e) {
            // The status line is long gone: what went wrong is the stream's last event, if anyone still reads.
            ObjectNode json = MAPPER.createObjectNode();
            String type = e instanceof IOException ? "server_error" : "invalid_request_error";
            json.putObject("error")
                    .put("message", e.getMessage())
                    .put("type", type)
                    .put("code", Http.code(e));
            out.add(json.toString());
        }
        out.add("[DONE]");
        out.flush();
    }

    private void write(Choice choice, List<ObjectNode> logprobs, List<AnswerPart> parts, EventStream out)
            throws IOException {
        List<ObjectNode> left = logprobs;
        for (AnswerPart part : parts) {
            switch (part) {
                case AnswerPart.Text said -> {
                    write(choice, said.text(), left, out);
                    left = List.of();
                }
                case AnswerPart.Reasoning thought -> writeReasoning(choice, thought.text(), out);
                case AnswerPart.Begun call ->
                    write(choice, call(choice, call.index(), call.name(), "").put("index", call.index()), out);
                case AnswerPart.Arguments next -> {
                    ObjectNode piece = MAPPER.createObjectNode().put("index", next.index());
                    piece.putObject("function").put("arguments", next.piece());
                    write(choice, piece, out);
                }
                case AnswerPart.Call _, AnswerPart.Cut _ -> {
                    // It has been told in pieces.
                }
            }
        }
        if (!left.isEmpty()) {
            write(choice, "", left, out);
        }
    }

    private void write(Choice choice, String piece, List<ObjectNode> logprobs, EventStream out) throws IOException {
        if (logprobs.isEmpty() && !piece.isEmpty() && choice.request() == named.get(choice)) {
            String[] text = around.computeIfAbsent(choice, this::around);
            out.add(text[0] + MAPPER.writeValueAsString(piece) + text[1]);
            return;
        }
        ObjectNode json = chunk(choice, null);
        ObjectNode one = (ObjectNode) json.path("choices").path(0);
        shape.piece(one, piece);
        if (choice.request() != named.get(choice)) {
            name(choice, json);
        }
        if (!logprobs.isEmpty()) {
            shape.logprobs(one, MAPPER.createArrayNode().addAll(logprobs));
        }
        out.add(json.toString());
    }

    private String[] around(Choice choice) {
        ObjectNode json = chunk(choice, null);
        shape.piece((ObjectNode) json.path("choices").path(0), PIECE);
        return split(json);
    }

    private static String[] split(ObjectNode json) {
        return json.toString().split(Pattern.quote("\"" + PIECE + "\""));
    }

    private void writeReasoning(Choice choice, String piece, EventStream out) throws IOException {
        if (choice.request() == named.get(choice)) {
            String[] text = aroundReasoning.computeIfAbsent(choice, one -> split(delta(one, reasoning(PIECE))));
            out.add(text[0] + MAPPER.writeValueAsString(piece) + text[1]);
        } else {
            writeDelta(choice, reasoning(piece), out);
        }
    }

    private static ObjectNode reasoning(String piece) {
        return MAPPER.createObjectNode().put(CompletionShape.REASONING, piece);
    }

    /** Writes a piece of a call of a tool. */
    private void write(Choice choice, ObjectNode call, EventStream out) throws IOException {
        ObjectNode delta = MAPPER.createObjectNode();
        delta.putArray("tool_calls").add(call);
        writeDelta(choice, delta, out);
    }

    private void writeDelta(Choice choice, ObjectNode delta, EventStream out) throws IOException {
        ObjectNode json = delta(choice, delta);
        if (choice.request() != named.get(choice)) {
            name(choice, json);
        }
        out.add(json.toString());
    }

    private ObjectNode delta(Choice choice, ObjectNode delta) {
        ObjectNode json = chunk(choice, null);
        ((ObjectNode) json.path("choices").path(0)).set("delta", delta);
        return json;
    }

    private static ObjectNode call(Choice choice, int index, String name, String arguments) {
        ObjectNode json = MAPPER.createObjectNode().put("id", choice.id(index)).put("type", "function");
        json.putObject("function").put("name", name).put("arguments", arguments);
        return json;
    }

    private void name(Choice choice, ObjectNode chunk) {
        chunk.set("plumbline", ReceiptFields.begun(choice));
        named.put(choice, choice.request());
    }

    private ObjectNode chunk(Choice choice, String finish) {
        ObjectNode json = envelope(shape.chunk());
        ObjectNode one = json.putArray("choices").addObject().put("index", choice.index());
        shape.piece(one, "");
        one.put("finish_reason", finish);
        return json;
    }

    private ObjectNode envelope(String object) {
        return MAPPER.createObjectNode()
                .put("id", id)
                .put("object", object)
                .put("created", created)
                .put("model", completion.api().modelName());
    }

    private static String finishReason(Choice choice) {
        return switch (choice.finishReason()) {
            case STOP, STOP_TEXT -> "stop";
            case LENGTH -> "length";
            case CALLS -> "tool_calls";
        };
    }

    private ObjectNode usage() {
        int prompt = completion.promptTokens();
        int output = completion.outputTokens();
        ObjectNode usage = MAPPER.createObjectNode()
                .put("prompt_tokens", prompt)
                .put("completion_tokens", output)
                .put("total_tokens", prompt + output);
        if (completion.reasoningTokens() > 0) {
            usage.putObject("completion_tokens_details").put("reasoning_tokens", completion.reasoningTokens());
        }
        return usage;
    }

    private ObjectNode extension(Choice choice) {
        ObjectNode json = ReceiptFields.of(choice, completion.chat());
        if (chat.topLogprobs() >= 0) {
            // No receipt covers them: they are the node's word alone.
            json.put("logprobs", "unverified");
        }
        return json;
    }

    /** An entry for each token; none where none were asked for. */
    private List<ObjectNode> logprobs(List<ChosenToken> chosen) {
        List<ObjectNode> all = new ArrayList<>();
        for (ChosenToken one : chosen) {
            Logprobs logprobs = one.logprobs();
            if (logprobs != null) {
                ObjectNode json = logprob(one.token(), logprobs.chosen());
                ArrayNode top = json.putArray("top_logprobs");
                for (int i = 0; i < logprobs.tokens().length; i++) {
                    top.add(logprob(logprobs.tokens()[i], logprobs.values()[i]));
                }
                all.add(json);
            }
        }
        return all;
    }

    private ObjectNode logprob(int token, float value) {
        String text = completion.api().tokenizer().name(token);
        ObjectNode json = MAPPER.createObjectNode().put("token", text).put("logprob", value);
        ArrayNode bytes = json.putArray("bytes");
        for (byte b : completion.api().tokenizer().bytes(token)) {
            bytes.add(b & 0xFF);
        }
        return json;
    }
}
