package io.plumbline.node.serve;

import io.plumbline.inference.tensor.TensorScheduler;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.inference.TensorEngine;
import io.plumbline.node.network.BusyException;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.tensor.TensorRequest;
import java.io.IOException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;

/** This process answers by an ONNX model, and keeps what it signed. */
final class LocalTensors extends LocalAnswerer {
    private final TensorEngine engine;
    private final ReceiptLog log;

    LocalTensors(TensorEngine engine, KeyPair keys, ReceiptLog log) {
        super(keys);
        this.engine = engine;
        this.log = log;
    }

    @Override
    public NodeClient.TensorAnswered inferTensors(byte[] encoded, long rows, Level level) throws IOException {
        TensorRequest request = TensorRequest.decode(encoded);
        engine.requireAnswerable(request);
        TensorScheduler.Result result = computed(request);
        TensorEngine.Signed signed = engine.signed(request, encoded.length, result);
        // Before its client has it: what was handed out is in the log.
        log.add(signed.receipt(), encoded, signed.answer().encode());
        return new NodeClient.TensorAnswered(signed.answer(), signed.receipt(), result.nanos());
    }

    private TensorScheduler.Result computed(TensorRequest request) throws IOException {
        try {
            return engine.submit(request).get();
        } catch (RejectedExecutionException e) {
            throw new BusyException(e.getMessage());
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RejectedExecutionException busy -> throw new BusyException(busy.getMessage());
                case RuntimeException refused -> throw refused;
                case IOException failed -> throw new IOException(failed.getMessage(), failed);
                case OutOfMemoryError tooLarge ->
                    throw new BusyException("This server has no memory for it now. Ask again.");
                default -> throw new IOException(String.valueOf(e.getCause()), e.getCause());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while answering.", e);
        }
    }
}
