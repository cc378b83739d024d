package io.plumbline.node.gateway;

import io.plumbline.inference.language.tokenizer.TextStream;
import io.plumbline.node.client.AnswerStream;
import io.plumbline.node.client.ChosenToken;
import io.plumbline.node.client.NodeClient.Answered;
import io.plumbline.node.gateway.answer.AnswerMessage;
import io.plumbline.node.gateway.answer.AnswerPart;
import io.plumbline.node.gateway.answer.AnswerReader;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** One answer of a {@link Completion}, from the node that was asked first to the receipt. */
final class Choice {
    private static final HexFormat HEX = HexFormat.of();

    /** Tokens that a node may have given before it hears that another one answers. */
    private static final int TOKENS_OF_LOSERS = 256;

    final int index;
    final Tries tries;
    private final TextStream text;
    private final AnswerReading reading;
    private final AnswerReader reader;
    private final AnswerMessage message = new AnswerMessage();
    private int reasoningTokens;
    volatile Request request;
    volatile AnswerStream inference;
    volatile Exception failure;
    volatile Answerers.Answerer by;

    /** All that money was put up for: one after the other fails, and two where a second is asked beside the first. */
    private final List<Purchase> purchases = new CopyOnWriteArrayList<>();

    /** Requests that their nodes failed to answer. */
    private final Set<Bytes32> failed = ConcurrentHashMap.newKeySet();

    /** Nodes that refused it, one after the other. */
    private final List<Answerers.Answerer> refusers = new CopyOnWriteArrayList<>();

    private volatile Answered answered;

    /** @param text shows the text of its tokens. */
    Choice(int index, Request request, TextStream text, AnswerReading reading, Tries tries) {
        this.index = index;
        this.request = request;
        this.text = text;
        this.reading = reading;
        this.reader = reading.reader();
        this.tries = tries;
    }

    int index() {
        return index;
    }

    /** As it was answered, or is being: another one where another node began anew. */
    Request request() {
        return request;
    }

    /** The whole answer; null before its end. */
    Answered answered() {
        return answered;
    }

    /** Money is about to be put up. */
    void begun(Purchase purchase) {
        purchases.add(purchase);
    }

    /** None was. */
    void notBegun(Purchase purchase) {
        purchases.remove(purchase);
    }

    void answered(Answered whole) {
        Bytes32 hash = request.hash();
        purchases.replaceAll(one -> one.requestHash().equals(hash) ? one.answered(whole.receipt()) : one);
        answered = whole;
        refusers.forEach(Answerers.Answerer::outdone);
    }

    /** Purchases that it cost: the answer alone, where there is one; else all that was asked. */
    List<Purchase> purchases() {
        return answered == null
                ? List.copyOf(purchases)
                : purchases.stream().filter(one -> one.receipt() != null).toList();
    }

    /** Its node has failed, and another is asked. */
    void failed(Exception why) {
        if (why instanceof IllegalArgumentException) {
            refusers.add(by);
        }
        Bytes32 hash = request.hash();
        failed.add(hash);
        purchases.stream().filter(one -> one.requestHash().equals(hash)).forEach(one -> one.failed(why));
    }

    /** Those that were asked beside the one that answered were told to end: the prompt is due, and what was given. */
    void followLosers() {
        long units = (long) request.promptTokens().length + TOKENS_OF_LOSERS;
        purchases.stream()
                .filter(one -> one.receipt() == null && !failed.contains(one.requestHash()))
                .forEach(one -> one.follow(one.due(units)));
    }

    void rethrow() throws IOException {
        if (failure instanceof RuntimeException refused) {
            throw refused;
        }
        if (failure instanceof IOException failed) {
            throw failed;
        }
    }

    /** The parts that the next tokens complete; perhaps none yet. */
    List<AnswerPart> add(List<ChosenToken> chosen) {
        List<AnswerPart> parts = new ArrayList<>();
        int told = 0;
        while (told < chosen.size() && reader.mayReason()) {
            // One by one, to be counted.
            reasoningTokens += reader.isReasoning() ? 1 : 0;
            parts.addAll(reader.add(text.pieces(chosen.get(told++).token())));
        }
        parts.addAll(reader.add(text.pieces(chosen.subList(told, chosen.size()).stream()
                .mapToInt(ChosenToken::token)
                .toArray())));
        message.add(parts);
        return parts;
    }

    /** Tokens of the reasoning so far, and of what ends it. */
    int reasoningTokens() {
        return reasoningTokens;
    }

    /** The parts that were held back at the end. */
    List<AnswerPart> finish() {
        List<AnswerPart> parts = new ArrayList<>(reader.add(text.finishPieces()));
        parts.addAll(reader.finish());
        message.add(parts);
        return parts;
    }

    /** The message of all its tokens, which the node has signed, once {@link #finish} has told the last of it. */
    AnswerMessage message() {
        return message;
    }

    /** The id of the call with this index: the same for the same request. */
    String id(int call) {
        return reading.tools().format().callId(request.hash(), call);
    }

    /** The text that the node signed, up to the stop text that ended it. */
    String signedText() {
        return request.withoutStop(answered.answer().text());
    }

    /** The stop text that ended it; null where none did. */
    String stopText() {
        String whole = answered.answer().text();
        int end = signedText().length();
        return request.stopTexts().stream()
                .filter(stop -> whole.startsWith(stop, end))
                .findFirst()
                .orElse(null);
    }

    /** Why it ended. */
    enum Finish {
        /** At a stop token. */
        STOP,

        /** At the stop text of the request. */
        STOP_TEXT,

        /** At its greatest length, or by its client. */
        LENGTH,

        /** It called tools. */
        CALLS
    }

    /** Why it ended, once it has. */
    Finish finishReason() {
        int[] tokens = answered.answer().tokens();
        boolean isStopped = request.stopsAt(tokens[tokens.length - 1]);
        if (text.isStopped()) {
            return Finish.STOP_TEXT;
        }
        if (!isStopped) {
            return Finish.LENGTH;
        }
        return reader.calls() > 0 ? Finish.CALLS : Finish.STOP;
    }
}
