package io.plumbline.benchmarks.jmh;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.transport.nodewire.AnsweredDecoder;
import io.plumbline.transport.nodewire.AnsweredEncoder;
import io.plumbline.transport.nodewire.MessageHeaderDecoder;
import io.plumbline.transport.nodewire.MessageHeaderEncoder;
import io.plumbline.transport.nodewire.TokenDecoder;
import io.plumbline.transport.nodewire.TokenEncoder;
import io.plumbline.verifier.receipt.Receipt;
import java.io.IOException;
import java.util.Arrays;
import org.agrona.ExpandableArrayBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * The messages between nodes in SBE: an answer with its receipt, beside the same in JSON (Jackson, bytes as base64),
 * and a token. What is inside of the receipt is {@code EncodingSuite}'s.
 */
public class WireSuite extends Suite {
    /** Of the answer. */
    @Param({"1024", "16384"})
    private int bytes;

    private final ExpandableArrayBuffer buffer = new ExpandableArrayBuffer();
    private final MessageHeaderEncoder header = new MessageHeaderEncoder();
    private final AnsweredEncoder encoder = new AnsweredEncoder();
    private final TokenEncoder tokenEncoder = new TokenEncoder();
    private final MessageHeaderDecoder readHeader = new MessageHeaderDecoder();
    private final AnsweredDecoder decoder = new AnsweredDecoder();
    private final TokenDecoder tokenDecoder = new TokenDecoder();
    private final ObjectMapper json = new ObjectMapper();
    private final UnsafeBuffer encoded = new UnsafeBuffer(0, 0);
    private final UnsafeBuffer encodedToken = new UnsafeBuffer(0, 0);
    private final byte[] receipt = bytes(Receipt.BYTES, 2);
    private byte[] answer;
    private byte[] jsonEncoded;

    /** One message of each. */
    @Setup
    public void prepare() throws IOException {
        answer = bytes(bytes, 1);
        encoded.wrap(copy(encodeAnswer()));
        encodedToken.wrap(copy(encodeToken()));
        jsonEncoded = encodeAnswerJson();
        if (!Arrays.equals(receipt, decodeAnswer())
                || !Arrays.equals(receipt, decodeAnswerJson())
                || decodeToken() != 17) {
            throw new IllegalStateException("What was decoded is not what was encoded.");
        }
    }

    private byte[] copy(int length) {
        byte[] copy = new byte[length];
        buffer.getBytes(0, copy);
        return copy;
    }

    @Benchmark
    public int encodeAnswer() {
        encoder.wrapAndApplyHeader(buffer, 0, header).correlationId(7).cpuNanos(9);
        encoder.putAnswer(answer, 0, answer.length).putReceipt(receipt, 0, receipt.length);
        return MessageHeaderEncoder.ENCODED_LENGTH + encoder.encodedLength();
    }

    /** The receipt; the answer is read before it, as it stands before it. */
    @Benchmark
    public byte[] decodeAnswer() {
        decoder.wrapAndApplyHeader(encoded, 0, readHeader);
        byte[] text = new byte[decoder.answerLength()];
        decoder.getAnswer(text, 0, text.length);
        byte[] read = new byte[decoder.receiptLength()];
        decoder.getReceipt(read, 0, read.length);
        return read;
    }

    @Benchmark
    public int encodeToken() {
        tokenEncoder
                .wrapAndApplyHeader(buffer, 0, header)
                .correlationId(7)
                .token(17)
                .logprob(Float.NaN)
                .topCount(0);
        return MessageHeaderEncoder.ENCODED_LENGTH + tokenEncoder.encodedLength();
    }

    @Benchmark
    public int decodeToken() {
        return tokenDecoder.wrapAndApplyHeader(encodedToken, 0, readHeader).token();
    }

    @Benchmark
    public byte[] encodeAnswerJson() throws IOException {
        return json.writeValueAsBytes(json.createObjectNode()
                .put("correlationId", 7L)
                .put("cpuNanos", 9L)
                .put("answer", answer)
                .put("receipt", receipt));
    }

    @Benchmark
    public byte[] decodeAnswerJson() throws IOException {
        JsonNode read = json.readTree(jsonEncoded);
        byte[] text = read.path("answer").binaryValue();
        return text.length == bytes ? read.path("receipt").binaryValue() : null;
    }
}
