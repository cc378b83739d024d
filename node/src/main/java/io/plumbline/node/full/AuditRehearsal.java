package io.plumbline.node.full;

import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Replay;
import io.plumbline.inference.language.engine.Workers;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.verifier.audit.Assignment;
import io.plumbline.verifier.audit.AuditReport;
import io.plumbline.verifier.audit.Auditor;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.util.List;

/**
 * Audits one answer of its own before the first real one, while the weights that made the verifier key are still
 * open: a full node that could not judge an honest answer must not start. It also warms the compiler, so that the
 * first real audit costs what the next does.
 */
final class AuditRehearsal {
    private static final int TOKENS = 8;
    private static final int ROUNDS = 1;

    private AuditRehearsal() {}

    static void run(LoadedModel model, VerifierKey key, ChatTokenizer tokenizer) throws IOException {
        KeyPair keys = KeyPair.random();
        int most = Math.min(TOKENS, model.config().maxPositions());
        Request request = new Request(
                model.id(),
                "",
                0,
                new int[] {0},
                Sampling.GREEDY,
                most,
                new int[0],
                List.of(),
                keys.publicKey(),
                new byte[16]);
        // The specification computes the answer: the fast kernels would be compiled for this one use.
        ForwardPass forward = new ForwardPass(model, model.layers(), Backend.SCALAR, new Workers(1));
        Generator generator = new Generator(forward, keys.publicKey());
        Generator.Result result = generator.generate(request, token -> {});
        Answer answer = new Answer(result.tokens(), tokenizer.decode(result.tokens()));
        Receipt receipt = Receipt.of(
                model.config().contractVersion(), request, answer, result.traceRoot(), result.traceBytes(), 0, keys);
        Replay replay = new Replay(generator, forward, keys.publicKey(), request, result.tokens());
        Auditor auditor = new Auditor(key, tokenizer);
        for (int round = 0; round < ROUNDS; round++) {
            AuditReport report = auditor.audit(receipt, request, answer, Assignment.of(Level.FULL), replay, null);
            if (!report.good()) {
                throw new IOException("This node cannot audit: an honest answer of its own fails, " + report.failure());
            }
        }
    }
}
