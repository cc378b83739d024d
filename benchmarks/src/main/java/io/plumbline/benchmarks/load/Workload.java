package io.plumbline.benchmarks.load;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;

/**
 * The requests of a load, each drawn from a seed and its number: one seed asks the same, however threads run. Prompts
 * are random words, so that no cache of prefixes answers.
 */
final class Workload {
    private static final String[] WORDS = ("the a of and to in that it was for on with as his her at by from they we"
                    + " river lantern fox owl harbor winter stone garden window letter morning shadow bread mountain"
                    + " singer clock copper bridge road forest little quiet bright old warm slow early distant")
            .split(" ");

    /** About so many, in English: clients that leave do so in the first half of the longest answer. */
    private static final int CHARACTERS_A_TOKEN = 4;

    private final ObjectMapper mapper = new ObjectMapper();
    private final Api api;
    private final String model;
    private final Shape shape;
    private final ObjectNode extra;

    /** The part of an API that is asked. */
    enum Api {
        CHAT("chat/completions"),
        EMBEDDINGS("embeddings"),
        TENSORS("../v2/models/%s/infer");

        private final String path;

        Api(String path) {
            this.path = path;
        }
    }

    /**
     * How requests differ.
     *
     * @param prompt words of a prompt.
     * @param output most tokens of an answer.
     * @param cancelled share of streams, 0 to 1, whose client leaves in their midst.
     * @param isStreamed whether answers come piece by piece.
     */
    record Shape(Lengths prompt, Lengths output, double cancelled, boolean isStreamed, long seed) {}

    /**
     * One request.
     *
     * @param leavesAfter characters of the answer after which the client leaves; 0 for a client that stays.
     */
    record Call(String path, String body, boolean isStreamed, int leavesAfter) {}

    /**
     * @param extra JSON of fields that each request has beside ours; of the whole request for tensors; null for none.
     * @param origin of {@code extra}, for errors.
     * @throws IOException where {@code extra} is no JSON object, or missing where it is needed.
     */
    Workload(Api api, String model, Shape shape, String extra, String origin) throws IOException {
        this.api = api;
        this.model = model;
        this.shape = shape;
        try {
            JsonNode given = mapper.readTree(extra == null ? "{}" : extra);
            if (!(given instanceof ObjectNode object)) {
                throw new IOException(origin + " is no JSON object, such as {\"temperature\": 0}.");
            }
            this.extra = object;
        } catch (JacksonException e) {
            throw new IOException(origin + " is not JSON: " + e.getOriginalMessage(), e);
        }
        if (api == Api.TENSORS && this.extra.isEmpty()) {
            throw new IOException("--api tensors needs the request: --body FILE, as /v2/models/NAME/infer takes it.");
        }
    }

    /** The request with this number. */
    Call call(long number) {
        SplittableRandom random = new SplittableRandom(shape.seed * 0x9E3779B97F4A7C15L + number);
        ObjectNode body = mapper.createObjectNode();
        boolean isStreamed = false;
        int leavesAfter = 0;
        if (api == Api.CHAT) {
            int output = shape.output.draw(random);
            isStreamed = shape.isStreamed;
            body.put("model", model).put("max_tokens", output).put("stream", isStreamed);
            body.putArray("messages").addObject().put("role", "user").put("content", prompt(random));
            if (isStreamed) {
                body.putObject("stream_options").put("include_usage", true);
                boolean leaves = random.nextDouble() < shape.cancelled;
                leavesAfter = leaves ? random.nextInt(1, CHARACTERS_A_TOKEN * output / 2 + 1) : 0;
            }
        } else if (api == Api.EMBEDDINGS) {
            body.put("model", model).put("input", prompt(random));
        }
        body.setAll(extra);
        String segment = URLEncoder.encode(model, StandardCharsets.UTF_8).replace("+", "%20");
        return new Call(String.format(api.path, segment), body.toString(), isStreamed, leavesAfter);
    }

    private String prompt(SplittableRandom random) {
        StringBuilder text = new StringBuilder();
        for (int left = shape.prompt.draw(random); left > 0; left--) {
            text.append(text.isEmpty() ? "" : " ").append(WORDS[random.nextInt(WORDS.length)]);
        }
        return text.toString();
    }
}
