package io.plumbline.benchmarks.load;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.benchmarks.load.Exchange.Outcome;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.util.Arrays;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.agrona.CloseHelper;

/** Sends one request after another and notes when each part of the answer came. Used by any number of threads. */
final class Caller implements AutoCloseable {
    private static final int MAX_WHOLE_BYTES = 64 << 20;

    private final ObjectMapper mapper = new ObjectMapper();
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("load-timeouts").factory());
    private final Target target;

    /** @param target is not closed with this. */
    Caller(Target target) {
        this.target = target;
    }

    /** An answer as far as it has come. */
    private static final class Answer {
        private final long intendedNs;
        private final long sentNs;
        private long[] pieceNs = new long[16];
        private int pieces;
        private long receiptNs;
        private long promptTokens;
        private long answerTokens;
        private String requestHash;
        private String error;

        Answer(long intendedNs) {
            this.intendedNs = intendedNs;
            this.sentNs = System.nanoTime();
        }

        private void piece(long ns) {
            if (pieces == pieceNs.length) {
                pieceNs = Arrays.copyOf(pieceNs, 2 * pieces);
            }
            pieceNs[pieces++] = ns;
        }

        /** Takes what an event, or a whole answer, says beside its text. */
        private void note(JsonNode json, long ns) {
            if (json.has("error")) {
                JsonNode said = json.path("error");
                String code = said.path("code").asText("");
                error = (code.isEmpty() ? "" : code + " ")
                        + Target.shortened(said.path("message").asText());
            }
            JsonNode usage = json.path("usage");
            promptTokens = usage.path("prompt_tokens").asLong(promptTokens);
            answerTokens = usage.path("completion_tokens").asLong(answerTokens);
            JsonNode ours = json.path("plumbline");
            requestHash = ours.path("request_hash").asText(requestHash);
            if (ours.has("receipt")) {
                receiptNs = ns;
            }
        }

        private Exchange ended(Outcome outcome, String why) {
            return new Exchange(
                    outcome,
                    intendedNs,
                    sentNs,
                    Arrays.copyOf(pieceNs, pieces),
                    System.nanoTime(),
                    receiptNs,
                    promptTokens,
                    answerTokens,
                    requestHash,
                    why);
        }
    }

    /** Sends a request and waits for its end. Never throws: what goes wrong is the outcome. */
    Exchange exchange(Workload.Call call, long intendedNs) {
        Answer answer = new Answer(intendedNs);
        long endNs = answer.sentNs + target.timeout().toNanos();
        try {
            HttpResponse<InputStream> response = target.post(call.path(), call.body());
            try (InputStream in = response.body()) {
                if (response.statusCode() != 200) {
                    boolean isBusy = response.statusCode() == 429 || response.statusCode() == 503;
                    return answer.ended(
                            isBusy ? Outcome.REFUSED : Outcome.FAILED,
                            response.statusCode() + ": " + target.reason(in));
                }
                Future<?> timer = clock.schedule(
                        () -> CloseHelper.quietClose(in), Math.max(0, endNs - System.nanoTime()), TimeUnit.NANOSECONDS);
                try {
                    return call.isStreamed() ? stream(in, call.leavesAfter(), answer) : whole(in, answer);
                } finally {
                    timer.cancel(false);
                }
            }
        } catch (HttpTimeoutException e) {
            return answer.ended(Outcome.FAILED, late());
        } catch (IOException e) {
            return answer.ended(Outcome.FAILED, System.nanoTime() >= endNs ? late() : String.valueOf(e.getMessage()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return answer.ended(Outcome.FAILED, "it was interrupted");
        }
    }

    private String late() {
        return "no whole answer within " + target.timeout().toSeconds() + " s";
    }

    private Exchange whole(InputStream in, Answer answer) throws IOException {
        byte[] body = in.readNBytes(MAX_WHOLE_BYTES);
        long ns = System.nanoTime();
        answer.piece(ns);
        answer.note(mapper.readTree(body), ns);
        return answer.error == null ? answer.ended(Outcome.ANSWERED, null) : answer.ended(Outcome.FAILED, answer.error);
    }

    private Exchange stream(InputStream in, int leavesAfter, Answer answer) throws IOException {
        EventLines events = new EventLines(in);
        long heard = 0;
        for (String data = events.next(); data != null; data = events.next()) {
            long ns = System.nanoTime();
            if (data.equals("[DONE]")) {
                if (answer.error != null) {
                    boolean isBusy = answer.error.startsWith("overloaded ");
                    return answer.ended(isBusy ? Outcome.REFUSED : Outcome.FAILED, answer.error);
                }
                if (answer.pieces == 0) {
                    // The model had nothing to say: its end is all there is to wait for.
                    answer.piece(ns);
                }
                return answer.ended(Outcome.ANSWERED, null);
            }
            JsonNode event = mapper.readTree(data);
            answer.note(event, ns);
            int characters = characters(event);
            if (characters > 0) {
                answer.piece(ns);
                heard += characters;
                if (leavesAfter > 0 && heard >= leavesAfter) {
                    return answer.ended(Outcome.CANCELLED, null);
                }
            }
        }
        throw new IOException("the stream ended before its end");
    }

    /** Of the piece of the answer that an event has: text, thought or a tool's call; 0 where it has none. */
    private static int characters(JsonNode event) {
        JsonNode delta = event.path("choices").path(0).path("delta");
        JsonNode calls = delta.path("tool_calls");
        return delta.path("content").asText("").length()
                + delta.path("reasoning_content").asText("").length()
                + (calls.isEmpty() ? 0 : calls.toString().length());
    }

    @Override
    public void close() {
        clock.shutdownNow();
    }
}
