package io.plumbline.node.serve;

import io.plumbline.node.gateway.Answerers;
import io.plumbline.node.gateway.ApiException;
import io.plumbline.node.gateway.NodeWish;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** This process answers, by each of its models. */
final class LocalAnswers implements Answerers {
    private final Bytes32 key;
    private final Map<Bytes32, LocalAnswerer> byModel = new HashMap<>();

    /** @param keys of the process, which asks itself: both sides of a receipt are its own. */
    LocalAnswers(LocalModels models, KeyPair keys, ReceiptLog log) {
        this.key = keys.publicKey();
        models.languages()
                .values()
                .forEach(engine -> byModel.put(engine.model().id(), new LocalLanguage(engine, keys, log)));
        models.tensors().forEach(engine -> byModel.put(engine.modelId(), new LocalTensors(engine, keys, log)));
    }

    @Override
    public Bytes32 requester() {
        return key;
    }

    @Override
    public long mostPrice() {
        return 0;
    }

    @Override
    public Answerer find(Bytes32 modelId, NodeWish wish, Set<Bytes32> tried) {
        String named = wish.named();
        boolean isMeant = named.isEmpty() || named.equals(key.toString());
        LocalAnswerer answerer = byModel.get(modelId);
        if (!isMeant || answerer == null || tried.contains(key)) {
            throw new ApiException(503, "This server answers alone, and runs no other model or node.");
        }
        return answerer;
    }

    @Override
    public long hedgeMs() {
        return 0;
    }

    @Override
    public boolean isWell() {
        return true;
    }

    @Override
    public boolean hasModel(Bytes32 modelId) {
        return byModel.containsKey(modelId);
    }

    @Override
    public void answered(Receipt receipt, int units) {
        // The log has it.
    }
}
