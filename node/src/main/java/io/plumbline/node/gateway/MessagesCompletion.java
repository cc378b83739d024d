package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.node.client.ChosenToken;
import io.plumbline.node.gateway.answer.AnswerPart;
import io.plumbline.node.network.BusyException;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;

/** A completion as Anthropic's {@code /v1/messages} words it. */
final class MessagesCompletion implements CompletionWriter {
    private final Completion completion;
    private final String id;

    /** Of a stream: whether a block of text is open, and the number of blocks begun. */
    private boolean isTextOpen;

    private int blocks;

    MessagesCompletion(Completion completion) {
        this.completion = completion;
        Bytes32 hash = completion.chat().requests().getFirst().hash();
        this.id = "msg_" + hash.toString().substring(0, 24);
    }

    @Override
    public ObjectNode whole() throws IOException {
        completion.follow(Completion.Listener.NONE);
        Choice choice = completion.choices().getFirst();
        ObjectNode json = message();
        ArrayNode content = (ArrayNode) json.get("content");
        for (AnswerPart part : choice.message().parts()) {
            switch (part) {
                case AnswerPart.Text said ->
                    content.addObject().put("type", "text").put("text", said.text());
                case AnswerPart.Call call ->
                    content.add(toolUse(choice, call.index(), call.name()).set("input", Http.json(call.arguments())));
                case AnswerPart.Reasoning _ -> {
                    // A block of this API's for it has a signature, which Anthropic's own servers alone can check.
                }
                case AnswerPart.Begun _, AnswerPart.Arguments _, AnswerPart.Cut _ -> {
                    // A message that is whole has none.
                }
            }
        }
        end(json, choice);
        json.set("usage", usage(completion.outputTokens()));
        json.set("plumbline", ReceiptFields.of(choice, completion.chat()));
        return json;
    }

    @Override
    public void stream(OutputStream to) throws IOException {
        EventStream out = new EventStream(to);
        ObjectNode start = EventStream.event("message_start");
        ObjectNode message = message();
        message.set("usage", usage(0));
        message.set("plumbline", ReceiptFields.begun(completion.choices().getFirst()));
        out.add(start.set("message", message));
        out.flush();
        try {
            completion.follow(new Completion.Listener() {
                @Override
                public void onTokens(Choice choice, List<ChosenToken> chosen, List<AnswerPart> parts)
                        throws IOException {
                    write(choice, parts, out);
                }

                @Override
                public void onEnd(Choice choice, List<AnswerPart> parts) throws IOException {
                    write(choice, parts, out);
                    closeText(out);
                    ObjectNode delta = EventStream.event("message_delta");
                    end(delta.putObject("delta"), choice);
                    delta.set("usage", usage(completion.outputTokens()));
                    delta.set("plumbline", ReceiptFields.of(choice, completion.chat()));
                    out.add(delta);
                }

                @Override
                public void onPause() throws IOException {
                    out.flush();
                }
            });
            out.add(EventStream.event("message_stop"));
        } catch (IOException | RuntimeException e) {
            // The status line is long gone: what went wrong is the stream's last event, if anyone still reads.
            int status = e instanceof BusyException ? 529 : e instanceof IOException ? 500 : 400;
            out.add((ObjectNode) Http.anthropic(status, null, null, e.getMessage()));
        }
        out.flush();
    }

    private void write(Choice choice, List<AnswerPart> parts, EventStream out) throws IOException {
        for (AnswerPart part : parts) {
            switch (part) {
                case AnswerPart.Text said -> {
                    if (!isTextOpen) {
                        ObjectNode block = Http.MAPPER
                                .createObjectNode()
                                .put("type", "text")
                                .put("text", "");
                        out.add(block("content_block_start", blocks++).set("content_block", block));
                        isTextOpen = true;
                    }
                    ObjectNode delta = Http.MAPPER
                            .createObjectNode()
                            .put("type", "text_delta")
                            .put("text", said.text());
                    out.add(block("content_block_delta", blocks - 1).set("delta", delta));
                }
                case AnswerPart.Begun call -> {
                    closeText(out);
                    ObjectNode block = toolUse(choice, call.index(), call.name());
                    block.putObject("input");
                    out.add(block("content_block_start", blocks++).set("content_block", block));
                }
                case AnswerPart.Arguments next -> {
                    ObjectNode delta = Http.MAPPER
                            .createObjectNode()
                            .put("type", "input_json_delta")
                            .put("partial_json", next.piece());
                    out.add(block("content_block_delta", blocks - 1).set("delta", delta));
                }
                case AnswerPart.Call _, AnswerPart.Cut _ -> out.add(block("content_block_stop", blocks - 1));
                case AnswerPart.Reasoning _ -> {
                    // As of a whole answer.
                }
            }
        }
    }

    private void closeText(EventStream out) throws IOException {
        if (isTextOpen) {
            out.add(block("content_block_stop", blocks - 1));
            isTextOpen = false;
        }
    }

    private static ObjectNode block(String type, int index) {
        return EventStream.event(type).put("index", index);
    }

    private static ObjectNode toolUse(Choice choice, int index, String name) {
        return Http.MAPPER
                .createObjectNode()
                .put("type", "tool_use")
                .put("id", choice.id(index))
                .put("name", name);
    }

    private ObjectNode message() {
        ObjectNode json = Http.MAPPER
                .createObjectNode()
                .put("id", id)
                .put("type", "message")
                .put("role", "assistant")
                .put("model", completion.api().modelName());
        json.putArray("content");
        return json.putNull("stop_reason").putNull("stop_sequence");
    }

    private static void end(ObjectNode json, Choice choice) {
        json.put(
                "stop_reason",
                switch (choice.finishReason()) {
                    case STOP -> "end_turn";
                    case STOP_TEXT -> "stop_sequence";
                    case LENGTH -> "max_tokens";
                    case CALLS -> "tool_use";
                });
        json.put("stop_sequence", choice.finishReason() == Choice.Finish.STOP_TEXT ? choice.stopText() : null);
    }

    private ObjectNode usage(int output) {
        return Http.MAPPER
                .createObjectNode()
                .put("input_tokens", completion.promptTokens())
                .put("output_tokens", output)
                .put("cache_creation_input_tokens", 0)
                .put("cache_read_input_tokens", 0);
    }
}
