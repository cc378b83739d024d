package io.plumbline.client;

import java.util.List;

/**
 * Texts as vectors, with the receipts of the nodes that computed them.
 *
 * @param vectors one for each text, in the texts' order.
 * @param usage tokens.
 * @param receipts one or more: of each part of the texts that a node was asked for at once.
 */
public record Embeddings(List<float[]> vectors, Usage usage, List<AnswerReceipt> receipts) {
    public Embeddings {
        vectors = List.copyOf(vectors);
        receipts = List.copyOf(receipts);
    }
}
