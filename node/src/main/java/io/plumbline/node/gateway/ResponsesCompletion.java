package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.node.client.ChosenToken;
import io.plumbline.node.gateway.answer.AnswerPart;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;

/** A completion as OpenAI's {@code /v1/responses} words it. */
final class ResponsesCompletion implements CompletionWriter {
    private final Completion completion;
    private final JsonNode body;
    private final String digits;
    private final long created = System.currentTimeMillis() / 1000;

    /** Items of the answer so far, but for the one that is open. */
    private final ArrayNode output = Http.MAPPER.createArrayNode();

    /** The message or the reasoning that goes on; null for none. */
    private OpenText open;

    private int events;

    /** How items with a text in them are told. */
    private enum TextItem {
        MESSAGE("response.output_text") {
            @Override
            ObjectNode part(String text) {
                ObjectNode part = Http.MAPPER
                        .createObjectNode()
                        .put("type", "output_text")
                        .put("text", text);
                part.putArray("annotations");
                part.putArray("logprobs");
                return part;
            }

            @Override
            ObjectNode item(String digits, int place, String status) {
                return Http.MAPPER
                        .createObjectNode()
                        .put("id", "msg_" + digits + place)
                        .put("type", "message")
                        .put("status", status)
                        .put("role", "assistant");
            }
        },

        REASONING("response.reasoning_text") {
            @Override
            ObjectNode part(String text) {
                return Http.MAPPER
                        .createObjectNode()
                        .put("type", "reasoning_text")
                        .put("text", text);
            }

            @Override
            ObjectNode item(String digits, int place, String status) {
                ObjectNode item = Http.MAPPER
                        .createObjectNode()
                        .put("id", "rs_" + digits + place)
                        .put("type", "reasoning")
                        .put("status", status);
                item.putArray("summary");
                return item;
            }
        };

        /** The beginning of its events' names. */
        private final String events;

        TextItem(String events) {
            this.events = events;
        }

        /** Its one part. */
        abstract ObjectNode part(String text);

        /** The item without its part. */
        abstract ObjectNode item(String digits, int place, String status);
    }

    /** An item with a text that goes on. */
    private record OpenText(TextItem kind, StringBuilder text) {}

    /** @param body that was sent: some of it is said again. */
    ResponsesCompletion(Completion completion, JsonNode body) {
        this.completion = completion;
        this.body = body;
        this.digits = completion.chat().requests().getFirst().hash().toString().substring(0, 32);
    }

    @Override
    public ObjectNode whole() throws IOException {
        completion.follow(Completion.Listener.NONE);
        Choice choice = completion.choices().getFirst();
        for (AnswerPart part : choice.message().parts()) {
            switch (part) {
                case AnswerPart.Text said -> output.add(item(TextItem.MESSAGE, said.text()));
                case AnswerPart.Reasoning thought -> output.add(item(TextItem.REASONING, thought.text()));
                case AnswerPart.Call call ->
                    output.add(call(choice, call.index(), call.name(), call.arguments(), "completed"));
                case AnswerPart.Begun _, AnswerPart.Arguments _, AnswerPart.Cut _ -> {
                    // A message that is whole has none.
                }
            }
        }
        return ended(choice);
    }

    @Override
    public void stream(OutputStream to) throws IOException {
        EventStream out = new EventStream(to);
        ObjectNode begun = response("in_progress");
        begun.set("plumbline", ReceiptFields.begun(completion.choices().getFirst()));
        out.add(event("response.created").set("response", begun));
        out.add(event("response.in_progress").set("response", begun));
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
                    ObjectNode ended = ended(choice);
                    out.add(event("response." + ended.path("status").asText()).set("response", ended));
                }

                @Override
                public void onPause() throws IOException {
                    out.flush();
                }
            });
        } catch (IOException | RuntimeException e) {
            // The status line is long gone: what went wrong is the stream's last event, if anyone still reads.
            ObjectNode failed = response("failed");
            String code = Http.code(e) == null ? "server_error" : Http.code(e);
            failed.putObject("error").put("code", code).put("message", e.getMessage());
            out.add(event("response.failed").set("response", failed));
        }
        out.flush();
    }

    private void write(Choice choice, List<AnswerPart> parts, EventStream out) throws IOException {
        for (AnswerPart part : parts) {
            switch (part) {
                case AnswerPart.Text said -> write(TextItem.MESSAGE, said.text(), out);
                case AnswerPart.Reasoning thought -> write(TextItem.REASONING, thought.text(), out);
                case AnswerPart.Begun call -> {
                    closeText(out);
                    out.add(event("response.output_item.added")
                            .put("output_index", output.size())
                            .set("item", call(choice, call.index(), call.name(), "", "in_progress")));
                }
                case AnswerPart.Arguments next ->
                    out.add(event("response.function_call_arguments.delta")
                            .put("item_id", callItem(next.index()))
                            .put("output_index", output.size())
                            .put("delta", next.piece()));
                case AnswerPart.Call call -> {
                    out.add(event("response.function_call_arguments.done")
                            .put("item_id", callItem(call.index()))
                            .put("output_index", output.size())
                            .put("name", call.name())
                            .put("arguments", call.arguments()));
                    closeCall(call(choice, call.index(), call.name(), call.arguments(), "completed"), out);
                }
                case AnswerPart.Cut cut ->
                    closeCall(call(choice, cut.index(), cut.name(), cut.arguments(), "incomplete"), out);
            }
        }
    }

    private void closeCall(ObjectNode item, EventStream out) throws IOException {
        out.add(event("response.output_item.done")
                .put("output_index", output.size())
                .set("item", item));
        output.add(item);
    }

    private void write(TextItem kind, String text, EventStream out) throws IOException {
        if (open != null && open.kind() != kind) {
            closeText(out);
        }
        if (open == null) {
            open = new OpenText(kind, new StringBuilder());
            ObjectNode item = kind.item(digits, output.size(), "in_progress");
            item.putArray("content");
            out.add(event("response.output_item.added")
                    .put("output_index", output.size())
                    .set("item", item));
            out.add(ofPart("response.content_part.added").set("part", kind.part("")));
        }
        open.text().append(text);
        out.add(withLogprobs(ofPart(kind.events + ".delta").put("delta", text)));
    }

    private void closeText(EventStream out) throws IOException {
        if (open != null) {
            String text = open.text().toString();
            out.add(withLogprobs(ofPart(open.kind().events + ".done").put("text", text)));
            out.add(ofPart("response.content_part.done").set("part", open.kind().part(text)));
            ObjectNode whole = item(open.kind(), text);
            out.add(event("response.output_item.done")
                    .put("output_index", output.size())
                    .set("item", whole));
            output.add(whole);
            open = null;
        }
    }

    private ObjectNode withLogprobs(ObjectNode event) {
        if (open.kind() == TextItem.MESSAGE) {
            event.putArray("logprobs");
        }
        return event;
    }

    private ObjectNode event(String type) {
        return EventStream.event(type).put("sequence_number", events++);
    }

    /** An event about the one part of the item that is open. */
    private ObjectNode ofPart(String type) {
        return event(type)
                .put(
                        "item_id",
                        open.kind().item(digits, output.size(), "").path("id").asText())
                .put("output_index", output.size())
                .put("content_index", 0);
    }

    /** The next item, whole. */
    private ObjectNode item(TextItem kind, String text) {
        ObjectNode item = kind.item(digits, output.size(), "completed");
        item.putArray("content").add(kind.part(text));
        return item;
    }

    private String callItem(int index) {
        return "fc_" + digits + index;
    }

    private ObjectNode call(Choice choice, int index, String name, String arguments, String status) {
        return Http.MAPPER
                .createObjectNode()
                .put("id", callItem(index))
                .put("type", "function_call")
                .put("status", status)
                .put("call_id", choice.id(index))
                .put("name", name)
                .put("arguments", arguments);
    }

    private ObjectNode ended(Choice choice) {
        boolean isCut = choice.finishReason() == Choice.Finish.LENGTH;
        ObjectNode json = response(isCut ? "incomplete" : "completed");
        if (isCut) {
            json.putObject("incomplete_details").put("reason", "max_output_tokens");
        }
        ObjectNode usage = json.putObject("usage").put("input_tokens", completion.promptTokens());
        usage.putObject("input_tokens_details").put("cached_tokens", 0);
        usage.put("output_tokens", completion.outputTokens());
        usage.putObject("output_tokens_details").put("reasoning_tokens", completion.reasoningTokens());
        usage.put("total_tokens", completion.promptTokens() + completion.outputTokens());
        json.set("plumbline", ReceiptFields.of(choice, completion.chat()));
        return json;
    }

    private ObjectNode response(String status) {
        Sampling sampling = completion.chat().requests().getFirst().sampling();
        ObjectNode json = Http.MAPPER
                .createObjectNode()
                .put("id", "resp_" + digits)
                .put("object", "response")
                .put("created_at", created)
                .put("status", status)
                .put("background", false);
        json.putNull("error").putNull("incomplete_details").putNull("previous_response_id");
        again(json, "instructions", Http.MAPPER.nullNode());
        again(json, "max_output_tokens", Http.MAPPER.nullNode());
        json.put("model", completion.api().modelName());
        json.set("output", output.deepCopy());
        again(json, "parallel_tool_calls", Http.MAPPER.getNodeFactory().booleanNode(true));
        json.putObject("reasoning").putNull("effort").putNull("summary");
        json.put("store", false)
                .put("temperature", sampling.temperature())
                .put("top_p", sampling.topPMillionths() / 1e6);
        ObjectNode text = Http.MAPPER.createObjectNode();
        text.putObject("format").put("type", "text");
        again(json, "text", text);
        again(json, "tool_choice", Http.MAPPER.getNodeFactory().textNode("auto"));
        again(json, "tools", Http.MAPPER.createArrayNode());
        json.put("truncation", "disabled");
        json.putNull("usage");
        again(json, "user", Http.MAPPER.nullNode());
        again(json, "metadata", Http.MAPPER.createObjectNode());
        return json;
    }

    private void again(ObjectNode json, String field, JsonNode otherwise) {
        json.set(field, body.hasNonNull(field) ? body.get(field) : otherwise);
    }
}
