package io.plumbline.node.client;

import io.plumbline.inference.language.engine.Logprobs;
import io.plumbline.transport.nodewire.TokenDecoder;

/**
 * A token of an answer, as the node streamed it.
 *
 * @param token id, as yet unchecked.
 * @param logprobs null where none were asked for.
 */
public record ChosenToken(int token, Logprobs logprobs) {
    /**
     * @param most log probabilities that were asked for beside the token's own; -1 for none at all.
     * @throws IllegalStateException where it names more.
     */
    static ChosenToken decode(TokenDecoder in, int most) {
        int token = in.token();
        float logprob = in.logprob();
        TokenDecoder.TopDecoder top = in.top();
        if (top.count() > Math.max(0, most)) {
            throw new IllegalStateException("it names more log probabilities than were asked for");
        }
        int[] tokens = new int[top.count()];
        float[] values = new float[tokens.length];
        for (int i = 0; i < tokens.length; i++) {
            top.next();
            tokens[i] = top.token();
            values[i] = top.logprob();
        }
        return new ChosenToken(token, Float.isNaN(logprob) ? null : new Logprobs(logprob, tokens, values));
    }
}
