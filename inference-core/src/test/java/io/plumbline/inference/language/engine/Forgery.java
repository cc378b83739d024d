package io.plumbline.inference.language.engine;

import io.plumbline.verifier.audit.AnswerView;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.trace.TraceLayout;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;

/** A node that opens another trace than its answer's, consistently: it has committed to what it shows. */
public final class Forgery {
    private Forgery() {}

    /**
     * @param shown what the node says it answered.
     * @param ran what it ran in its place, of as many prompt tokens.
     * @param alter changes the trace before it is committed to.
     */
    public static Replay of(
            ForwardPass forward,
            Bytes32 node,
            Request shown,
            Request ran,
            int[] output,
            Consumer<MemorySegment> alter) {
        return of(forward, forward.model().manifest(), node, shown, ran, output, alter);
    }

    /** @param said manifest of the model that the node says it ran. */
    public static Replay of(
            ForwardPass forward,
            Manifest said,
            Bytes32 node,
            Request shown,
            Request ran,
            int[] output,
            Consumer<MemorySegment> alter) {
        AnswerView view = new AnswerView(said, node, shown.promptTokens(), output);
        TraceStore store = TraceStore.inMemory(view.layout(), view.length());
        return new Replay(forward, view, store, copy -> {
            new Generator(forward, node, 16).replay(ran, output, copy);
            MemorySegment trace = copy.bytes();
            byte[] header = view.layout().header(shown.modelId(), shown.hash(), view.length());
            MemorySegment.copy(MemorySegment.ofArray(header), 0, trace, 0, TraceLayout.HEADER_BYTES);
            alter.accept(trace);
        });
    }
}
