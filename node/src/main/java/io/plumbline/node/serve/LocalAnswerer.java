package io.plumbline.node.serve;

import io.plumbline.node.client.AnswerStream;
import io.plumbline.node.client.ChosenToken;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.gateway.Answerers;
import io.plumbline.node.gateway.ApiException;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.util.function.Consumer;

/** This process, as what answers for one of its models. Either kind of model answers one kind of request. */
abstract class LocalAnswerer implements Answerers.Answerer {
    private final Bytes32 key;

    LocalAnswerer(KeyPair keys) {
        this.key = keys.publicKey();
    }

    @Override
    public final Bytes32 key() {
        return key;
    }

    /** Its answers cost nothing. */
    @Override
    public final long price() {
        return 0;
    }

    @Override
    public AnswerStream infer(
            Request request, long tokens, Level level, int vocab, int topLogprobs, Consumer<ChosenToken> onToken)
            throws IOException {
        throw new ApiException(404, "The model is an ONNX model, and writes no text.");
    }

    @Override
    public NodeClient.TensorAnswered inferTensors(byte[] request, long rows, Level level) throws IOException {
        throw new ApiException(404, "The model is a language model, and takes no tensors.");
    }

    @Override
    public final void refused(Exception why) {
        // There is no other to ask.
    }

    @Override
    public final void lied(String why) {
        throw new IllegalStateException("This server " + why + ".");
    }
}
