package io.plumbline.node.attack;

import io.plumbline.node.attack.Scene.Shown;
import io.plumbline.verifier.audit.Assignment;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** Receipts that say something else than what was done. */
final class ReceiptAttacks {
    private static final String FAMILY = "receipt";

    private final Scene scene;
    private final List<Attack> attacks = new ArrayList<>();

    private ReceiptAttacks(Scene scene) {
        this.scene = scene;
    }

    static List<Attack> of(Scene scene) {
        ReceiptAttacks all = new ReceiptAttacks(scene);
        all.fields();
        return all.attacks;
    }

    /** The node signs a receipt with one field changed. */
    private void signed(String cheat, String caught, UnaryOperator<Receipt> change) {
        attacks.add(new Attack(FAMILY, cheat, caught, () -> {
            Receipt lie = change.apply(scene.honest.receipt()).sign(Scene.NODE);
            return scene.audit(scene.honest.with(lie));
        }));
    }

    private void unsigned(String cheat, String caught, UnaryOperator<Receipt> change) {
        attacks.add(new Attack(FAMILY, cheat, caught, () -> {
            Shown shown = scene.honest.with(change.apply(scene.honest.receipt()));
            return scene.audit(shown);
        }));
    }

    private static byte[] flipped(byte[] bytes) {
        byte[] other = bytes.clone();
        other[other.length / 2] ^= 1;
        return other;
    }

    private static Receipt copy(Receipt r, long price, Bytes32 node, byte[] signature) {
        return new Receipt(
                r.contractVersion(),
                r.modelId(),
                r.requestHash(),
                r.outputHash(),
                r.traceRoot(),
                r.traceBytes(),
                r.promptTokens(),
                r.outputTokens(),
                price,
                node,
                signature);
    }

    private static Receipt with(
            Receipt r,
            int version,
            Bytes32 model,
            Bytes32 request,
            byte[] output,
            byte[] root,
            long bytes,
            int prompt,
            int tokens) {
        return new Receipt(
                version, model, request, output, root, bytes, prompt, tokens, r.price(), r.node(), r.signature());
    }

    private static Receipt hashes(Receipt r, Bytes32 model, Bytes32 request, byte[] output, byte[] root) {
        return with(
                r,
                r.contractVersion(),
                model,
                request,
                output,
                root,
                r.traceBytes(),
                r.promptTokens(),
                r.outputTokens());
    }

    private static Receipt numbers(Receipt r, int version, long bytes, int prompt, int tokens) {
        return with(r, version, r.modelId(), r.requestHash(), r.outputHash(), r.traceRoot(), bytes, prompt, tokens);
    }

    private void fields() {
        signed(
                "another contract version",
                "MODEL",
                r -> numbers(r, r.contractVersion() + 1, r.traceBytes(), r.promptTokens(), r.outputTokens()));
        signed(
                "another model's id",
                "MODEL",
                r -> hashes(
                        r, Bytes32.of(flipped(r.modelId().bytes())), r.requestHash(), r.outputHash(), r.traceRoot()));
        signed(
                "another request's hash",
                "REQUEST",
                r -> hashes(
                        r, r.modelId(), Bytes32.of(flipped(r.requestHash().bytes())), r.outputHash(), r.traceRoot()));
        signed(
                "another answer's hash",
                "OUTPUT",
                r -> hashes(r, r.modelId(), r.requestHash(), flipped(r.outputHash()), r.traceRoot()));
        signed(
                "a trace root of nothing",
                "SLICE",
                r -> hashes(r, r.modelId(), r.requestHash(), r.outputHash(), flipped(r.traceRoot())));
        signed(
                "a longer trace",
                "HEADER",
                r -> numbers(r, r.contractVersion(), r.traceBytes() + 1024, r.promptTokens(), r.outputTokens()));
        signed(
                "more prompt tokens than were sent",
                "REQUEST",
                r -> numbers(r, r.contractVersion(), r.traceBytes(), r.promptTokens() + 1, r.outputTokens()));
        signed(
                "more output tokens than were given",
                "OUTPUT",
                r -> numbers(r, r.contractVersion(), r.traceBytes(), r.promptTokens(), r.outputTokens() + 1));
        unsigned("the price raised after signing", "SIGNATURE", r -> copy(r, r.price() + 1, r.node(), r.signature()));
        unsigned(
                "a flipped bit in the signature",
                "SIGNATURE",
                r -> copy(r, r.price(), r.node(), flipped(r.signature())));
        unsigned(
                "another node named in an honest node's receipt",
                "SIGNATURE",
                r -> copy(r, r.price(), KeyPair.random().publicKey(), r.signature()));
        attacks.add(new Attack(FAMILY, "an honest node's trace root in a receipt of one's own", "SLICE", () -> {
            KeyPair thief = KeyPair.random();
            Shown shown = scene.honest.with(scene.honest.receipt().sign(thief));
            return scene.audit(shown, scene.sealed(shown, thief), Assignment.of(Level.FULL));
        }));
    }
}
