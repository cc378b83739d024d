package io.plumbline.benchmarks.jmh;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.util.Arrays;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Setup;

/** Canonical bytes: a receipt's 256, and a request of 1,000 tokens. */
public class EncodingSuite extends Suite {
    private Request request;
    private Receipt receipt;
    private byte[] encodedRequest;
    private byte[] encodedReceipt;

    /** A request, and the receipt of its answer. */
    @Setup
    public void prepare() {
        int[] tokens = new int[1000];
        Arrays.fill(tokens, 17);
        request = new Request(
                Bytes32.of(bytes(32, 1)),
                "[{\"role\":\"user\",\"content\":\"" + "word ".repeat(1000) + "\"}]",
                1_700_000_000,
                tokens,
                Sampling.GREEDY,
                256,
                new int[] {2},
                List.of(),
                Bytes32.of(bytes(32, 2)),
                bytes(16, 3));
        receipt = Receipt.of(
                request, new Answer(tokens, "word ".repeat(1000)), bytes(32, 4), 1 << 20, 9, new KeyPair(bytes(32, 5)));
        encodedRequest = request.encode();
        encodedReceipt = receipt.encode();
    }

    @Benchmark
    public byte[] encodeReceipt() {
        return receipt.encode();
    }

    @Benchmark
    public Receipt decodeReceipt() {
        return Receipt.decode(encodedReceipt);
    }

    @Benchmark
    public byte[] encodeRequest() {
        return request.encode();
    }

    @Benchmark
    public Request decodeRequest() {
        return Request.decode(encodedRequest);
    }

    @Benchmark
    public byte[] hashRequest() {
        return request.hash().bytes();
    }
}
