package io.plumbline.client;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Request;
import java.util.Arrays;

/**
 * The facts about the model that is meant which the client knows, and so need not believe the server: {@code plumbline
 * model info} prints all of them.
 *
 * @param id 32 bytes; null where it is not known.
 * @param context most tokens of a prompt and its answer; 0 where it is not known.
 * @param stopTokens with the first of which an answer ends, ascending; null where they are not known.
 */
record ModelTerms(Bytes32 id, int context, int[] stopTokens) {
    /** Of a model of which nothing is known. */
    static final ModelTerms UNKNOWN = new ModelTerms(null, 0, null);

    /**
     * Compares a request with the model.
     *
     * @throws VerificationException named {@code MODEL} or {@code OPTIONS}.
     */
    void verify(Request signed) {
        if (id != null && !id.equals(signed.modelId())) {
            throw new VerificationException(
                    "MODEL", "The receipt is for model " + signed.modelId() + ", and " + id + " was meant.", null);
        }
        if (stopTokens != null && !Arrays.equals(stopTokens, signed.stopTokens())) {
            throw OptionsCheck.other(
                    "stop tokens",
                    Arrays.toString(signed.stopTokens()),
                    Arrays.toString(stopTokens) + " are the model's");
        }
    }
}
