package io.plumbline.ledger.state;

import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;

/**
 * An inference node as announced.
 *
 * @param most the highest level at which it lets its answers be audited.
 * @param openMsPerToken time that it needs to open a token of an answer to all auditors at FULL, in ms.
 * @param slashed whether it has lost its stake to evidence and has put up no other since.
 * @param faults answers that were called bad or not opened by most of their auditors.
 */
public record Node(
        Bytes32 key,
        Bytes32 modelId,
        long pricePerToken,
        String host,
        int port,
        Level most,
        int openMsPerToken,
        boolean slashed,
        int faults) {
    /** An announced opening time is not longer. */
    static final int MAX_OPEN_MS_PER_TOKEN = 60_000;

    Node caught() {
        return new Node(key, modelId, pricePerToken, host, port, most, openMsPerToken, true, faults);
    }

    Node withKey(Bytes32 other) {
        return new Node(other, modelId, pricePerToken, host, port, most, openMsPerToken, slashed, faults);
    }

    Node withFaults(int count) {
        return new Node(key, modelId, pricePerToken, host, port, most, openMsPerToken, slashed, count);
    }

    /**
     * What opening an answer of so many tokens to all auditors adds to the time of its audit, in ms, at most {@link
     * Parameters#MAX_OPENING_MS}. A requester may choose its node by it: its escrow waits for as long.
     *
     * @param tokens that the escrow is for.
     */
    public long openingMs(Level level, long tokens) {
        long perToken = level == Level.FULL ? openMsPerToken : 0;
        return Math.min(Parameters.MAX_OPENING_MS, perToken * Math.min(tokens, Parameters.MAX_OPENING_MS));
    }

    /** The entry of the state tree. */
    public byte[] encode() {
        return new CanonicalWriter()
                .putBytes32(key)
                .putBytes32(modelId)
                .putLong(pricePerToken)
                .putText(host)
                .putInt(port)
                .putInt(most.ordinal())
                .putInt(openMsPerToken)
                .putInt(slashed ? 1 : 0)
                .putInt(faults)
                .toBytes();
    }

    public static Node read(CanonicalReader in) {
        return new Node(
                in.getBytes32("node"),
                in.getBytes32("model id"),
                in.getLong("price"),
                in.getText("host"),
                in.getInt("port"),
                Settlement.level(in),
                in.getInt("opening time"),
                in.getInt("slashed") != 0,
                in.getInt("faults"));
    }
}
