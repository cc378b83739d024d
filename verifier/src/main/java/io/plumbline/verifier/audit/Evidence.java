package io.plumbline.verifier.audit;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.ChainingValues;
import io.plumbline.verifier.choice.ChoiceRule;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.model.LayerMatrix;
import io.plumbline.verifier.model.LayerParameters;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.ManifestText;
import io.plumbline.verifier.model.MatrixStack;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.RotaryTables;
import io.plumbline.verifier.model.SmallTensors;
import io.plumbline.verifier.model.TensorNames;
import io.plumbline.verifier.model.TensorRows;
import io.plumbline.verifier.model.TensorSource;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What proves that a node lied: its signed receipt, its signed opening as far as the lie shows in it, and what of the
 * model is needed to see it. Checked offline by anyone; false products need the weights, or the one row of them in
 * which the lie shows, false texts the tokenizer.
 *
 * @param receipt signed by the node.
 * @param request the receipt is for.
 * @param answer the receipt is for.
 * @param failure as its finder named it.
 * @param exhibit signed pieces of an opening; null where receipt, request and answer show it.
 * @param small tensors that the check needs; empty without an exhibit. They come with the model's manifest.
 * @param row that was given wrong; null where nobody has looked it up, or none is needed.
 */
public record Evidence(
        Receipt receipt,
        Request request,
        Answer answer,
        Failure failure,
        Exhibit exhibit,
        SmallTensors small,
        WrongRow row) {
    private static final String CONTEXT = "plumbline evidence 1";

    /** Most bytes of each of the words in it: what was false, and names of tensors. */
    private static final int MOST_WORDS = 64 << 10;

    /** Most small tensors: one cell's, which has some forty. */
    private static final int MOST_TENSORS = 256;

    /** A product that is not what the model's row gives. */
    public record FalseProduct(String tensor, int row, long right, long claimed) {}

    /**
     * What a check of evidence comes to.
     *
     * @param failure that is confirmed, or null.
     * @param product the false one, where it was a product and its row is known.
     * @param needsModel whether a false product is claimed and neither weights nor its row were there, or a false
     *     text, or a false choice in a grammar, and no tokenizer.
     */
    public record Finding(Failure failure, FalseProduct product, boolean needsModel) {}

    /** Evidence of what an audit found; null where the failure cannot be shown to others. */
    public static Evidence of(VerifierKey key, Receipt receipt, Request request, Answer answer, AuditReport report) {
        Failure failure = report.failure();
        Exhibit exhibit = report.exhibit();
        boolean inReceipt = failure.layer() < 0 && failure.token() < 0;
        // A receipt that nobody signed, or that belongs to another request, says nothing about the node it names.
        boolean isItsOwn = receipt.signatureHolds()
                && receipt.modelId().equals(key.modelId())
                && receipt.requestHash().equals(request.hash())
                && Arrays.equals(receipt.outputHash(), answer.hash());
        if (!isItsOwn || (exhibit == null && !inReceipt)) {
            return null;
        }
        SortedMap<String, byte[]> needed = new TreeMap<>();
        if (exhibit != null) {
            for (String name : names(key.config(), exhibit.seal().cell())) {
                needed.put(name, key.small().bytes().get(name));
            }
        }
        return new Evidence(receipt, request, answer, failure, exhibit, new SmallTensors(key.manifest(), needed), null);
    }

    private static List<String> names(ModelConfig config, Cell cell) {
        return cell.layer() < config.layers() ? SmallTensors.names(config, cell.layer()) : SmallTensors.lastNames();
    }

    public Manifest manifest() {
        return small.manifest();
    }

    /**
     * Checks everything again.
     *
     * @param weights of the model, or null.
     * @param tokenizer of the model, or null.
     * @throws IllegalArgumentException saying what does not belong together: then it is no evidence at all.
     * @throws IOException when the weights cannot be read.
     */
    public Finding check(TensorSource weights, ModelTokenizer tokenizer) throws IOException {
        require(manifest().id().equals(receipt.modelId()), "the manifest is not of the receipt's model");
        require(receipt.signatureHolds(), "the receipt was not signed by the node it names");
        require(request.hash().equals(receipt.requestHash()), "the receipt is for another request");
        require(Arrays.equals(answer.hash(), receipt.outputHash()), "the receipt is for another answer");
        Failure found = ReceiptCheck.check(
                receipt, request, answer, receipt.modelId(), manifest().config());
        if (found == null && exhibit == null) {
            if (tokenizer == null) {
                return new Finding(null, null, true);
            }
            found = TextCheck.prompt(request, manifest().config(), tokenizer);
            found = found == null ? TextCheck.answer(request, answer, manifest().config(), tokenizer) : found;
        }
        if (exhibit == null || found != null) {
            return new Finding(found, null, false);
        }
        Seal seal = exhibit.seal();
        Cell cell = seal.cell();
        AnswerView view = new AnswerView(manifest(), receipt.node(), request.promptTokens(), answer.tokens());
        require(Cells.contains(view, cell), "the opening is of no part of this answer");
        require(seal.holds(receipt.node(), receipt.hash(), cell), "the opening was not signed by the receipt's node");
        if (exhibit.proof().length > 0) {
            require(seal.covers(0, MemorySegment.ofArray(exhibit.proof())), "the proof is not the one that was signed");
        }
        if (exhibit.token() >= 0) {
            OpeningLayout layout = OpeningLayout.of(view, cell);
            require(
                    exhibit.token() >= cell.from()
                            && exhibit.token() < cell.to()
                            && exhibit.piece().length == layout.shownBytes(exhibit.token())
                            && OpeningCheck.isSigned(layout, seal, exhibit.token(), exhibit.piece()),
                    "the token's piece is not the one that was signed");
        }
        List<String> names = names(manifest().config(), cell);
        require(small.bytes().keySet().containsAll(names), "small tensors of the layer are missing");
        for (String name : names) {
            require(
                    Arrays.equals(
                            Blake3.hash(small.bytes().get(name)),
                            manifest().tensor(name).hash()),
                    "tensor \"" + name + "\" is not the model's");
        }
        ByRow model = new ByRow(weights, cell);
        try (OpeningCheck check = new OpeningCheck(model, new WorkDigest())) {
            ChoiceRule rule = ChoiceRule.of(request, tokenizer == null ? null : tokenizer::vocabulary);
            boolean isSeen = check.confirm(view, receipt, rule, exhibit);
            return new Finding(null, null, model.isBlind || !isSeen);
        } catch (FailedException e) {
            return new Finding(e.failure(), model.found, false);
        }
    }

    private static void require(boolean holds, String what) {
        if (!holds) {
            throw new IllegalArgumentException("This is no evidence: " + what + ".");
        }
    }

    /** The same with the row in which the lie shows, so that nobody needs the weights any more. */
    public Evidence with(FalseProduct product, TensorSource weights) throws IOException {
        MemorySegment tensor = weights.tensor(product.tensor());
        byte[] slice = WrongRow.slice(manifest().tensor(product.tensor()), product.row())
                .cut(
                        ChainingValues.of(null, tensor),
                        (from, target, offset, length) ->
                                MemorySegment.copy(tensor, from, MemorySegment.ofArray(target), offset, length));
        return new Evidence(
                receipt,
                request,
                answer,
                failure,
                exhibit,
                small,
                new WrongRow(product.tensor(), product.row(), slice));
    }

    /** Tells false products by the weights, or by the one row that is at hand. */
    private final class ByRow implements KnownModel {
        private final TensorSource weights;
        private final int cellLayer;
        private final int token;
        private final boolean isLast;

        /** Tensors that were hashed. */
        private final Map<String, MemorySegment> known = new HashMap<>();

        private FalseProduct found;
        private boolean isBlind;

        ByRow(TensorSource weights, Cell cell) {
            this.weights = weights;
            this.cellLayer = cell.layer();
            this.token = exhibit.token();
            this.isLast = cellLayer == manifest().config().layers();
        }

        @Override
        public Manifest manifest() {
            return small.manifest();
        }

        @Override
        public RotaryTables rotary() {
            // Of the one token that is shown: a stranger's shape may make a whole table take seconds.
            return RotaryTables.of(manifest().config(), Math.max(0, token), token < 0 ? 0 : 1);
        }

        @Override
        public LayerParameters parameters(int layer) {
            return small.layer(layer);
        }

        @Override
        public float[] finalGain() {
            return isLast ? small.finalGain() : null;
        }

        @Override
        public float[] outputScale() {
            return isLast ? small.outputScale() : null;
        }

        @Override
        public int firstFalse(int layer, MatrixStack stack, int expert, byte[] x, int[] y, int rows) {
            LayerMatrix matrix = LayerMatrix.of(manifest().config(), cellLayer, stack, expert);
            for (int i = 0; i < rows; i++) {
                int at = i * matrix.rows();
                for (TensorRows part : matrix.parts()) {
                    Manifest.Tensor tensor = manifest().matrix(stack, part);
                    if (isFalse(part.weight(), tensor, part, x, i * matrix.columns(), y, at)) {
                        return i;
                    }
                    at += part.rows();
                }
            }
            return -1;
        }

        @Override
        public boolean hasFalseLogits(byte[] x, int[] y) {
            ModelConfig c = manifest().config();
            TensorRows all = new TensorRows(TensorNames.OUTPUT, c.vocab(), 0, c.vocab(), c.hidden());
            Manifest.Tensor tensor = manifest().matrix(TensorNames.OUTPUT_WEIGHT, c.vocab(), c.hidden());
            return isFalse(TensorNames.OUTPUT_WEIGHT, tensor, all, x, 0, y, 0);
        }

        /** @param at where in {@code y} the products of {@code part} begin. */
        private boolean isFalse(
                String name, Manifest.Tensor tensor, TensorRows part, byte[] x, int xOffset, int[] y, int at) {
            if (row != null && row.tensor().equals(name)) {
                int n = row.row() - part.first();
                if (n < 0 || n >= part.rows()) {
                    // Another expert's, of the same tensor.
                    return false;
                }
                MemorySegment elements = row.proven(manifest());
                require(elements != null, "the row is not the model's");
                return differs(name, tensor, row.row(), elements, x, xOffset, y[at + n]);
            }
            if (weights == null) {
                isBlind = row == null;
                return false;
            }
            MemorySegment all = verified(name);
            for (int n = 0; n < part.rows(); n++) {
                int tensorRow = part.first() + n;
                int bytes = tensor.rowBytes();
                MemorySegment elements = all.asSlice((long) tensorRow * bytes, bytes);
                if (differs(name, tensor, tensorRow, elements, x, xOffset, y[at + n])) {
                    return true;
                }
            }
            return false;
        }

        private MemorySegment verified(String name) {
            MemorySegment found = known.get(name);
            if (found == null) {
                try {
                    found = SmallTensors.verified(manifest(), name, weights);
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
                known.put(name, found);
            }
            return found;
        }

        private boolean differs(
                String name,
                Manifest.Tensor tensor,
                int n,
                MemorySegment elements,
                byte[] x,
                int xOffset,
                int claimed) {
            int columns = tensor.shape()[1];
            // Of such a row an honest node may give wrong products: it shows nothing.
            require(tensor.format().isExact(elements, 0, columns), "products with the model's row may leave 32 bits");
            long right = WrongRow.product(tensor.format(), elements, columns, x, xOffset);
            if (right == claimed) {
                return false;
            }
            found = new FalseProduct(name, n, right, claimed);
            return true;
        }
    }

    public byte[] encode() {
        CanonicalWriter out =
                new CanonicalWriter().putText(CONTEXT).putText(manifest().text());
        out.putBytes(receipt.encode()).putBytes(request.encode()).putBytes(answer.encode());
        out.putText(failure.step().name()).putInt(failure.layer()).putInt(failure.token());
        out.putText(failure.detail()).putInt(exhibit == null ? 0 : 1);
        if (exhibit != null) {
            out.putBytes(exhibit.seal().encode()).putBytes(exhibit.proof());
            out.putInt(exhibit.token()).putBytes(exhibit.piece());
        }
        out.putInt(small.bytes().size());
        small.bytes().forEach((name, bytes) -> out.putText(name).putBytes(bytes));
        out.putInt(row == null ? 0 : 1);
        if (row != null) {
            out.putText(row.tensor()).putInt(row.row()).putBytes(row.slice());
        }
        return out.toBytes();
    }

    /**
     * The receipt that evidence is about, as its bytes, without a look at the rest: whether it is the right one costs
     * nothing.
     *
     * @throws MalformedException where it is no evidence.
     */
    public static byte[] receiptBytes(byte[] evidence) {
        CanonicalReader in = new CanonicalReader(evidence, "evidence");
        requireContext(in);
        in.skipBytes("manifest");
        return bounded(in, "receipt", Receipt.BYTES);
    }

    private static void requireContext(CanonicalReader in) {
        if (!new String(bounded(in, "context", CONTEXT.length()), StandardCharsets.UTF_8).equals(CONTEXT)) {
            throw new MalformedException("Malformed evidence: it does not begin with \"" + CONTEXT + "\".");
        }
    }

    private static byte[] bounded(CanonicalReader in, String field, int most) {
        int length = in.getInt(field);
        if (length > most) {
            throw new MalformedException(
                    "Malformed evidence: " + field + " has " + length + " bytes; at most " + most + " do.");
        }
        return in.getFixed(length, field);
    }

    private static String text(CanonicalReader in, String field) {
        return new String(bounded(in, field, MOST_WORDS), StandardCharsets.UTF_8);
    }

    /**
     * Reads what {@link #encode} wrote; anything else is refused as malformed. It comes from anybody: whatever it says,
     * reading it takes memory in proportion to its bytes.
     */
    public static Evidence decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "evidence");
        requireContext(in);
        try {
            Manifest manifest =
                    Manifest.parse(new String(bounded(in, "manifest", ManifestText.MAX_BYTES), StandardCharsets.UTF_8));
            Receipt receipt = Receipt.decode(bounded(in, "receipt", Receipt.BYTES));
            Request request = Request.decode(in.getBytes("request"));
            Answer answer = Answer.decode(in.getBytes("answer"));
            Step step = Step.valueOf(text(in, "step"));
            int layer = in.getInt("layer");
            int token = in.getInt("token");
            Failure failure = new Failure(step, layer, token, text(in, "detail"));
            Exhibit exhibit = null;
            if (in.getInt("has exhibit") != 0) {
                Seal seal = Seal.decode(in.getBytes("seal"));
                byte[] proof = in.getBytes("proof");
                int shown = in.getInt("token shown");
                exhibit = new Exhibit(seal, proof, shown, in.getBytes("piece"));
            }
            SortedMap<String, byte[]> tensors = new TreeMap<>();
            int count = in.getInt("tensors");
            if (count < 0 || count > MOST_TENSORS) {
                throw new MalformedException("Malformed evidence: it has " + count + " tensors.");
            }
            for (int i = 0; i < count; i++) {
                tensors.put(text(in, "tensor"), in.getBytes("bytes of a tensor"));
            }
            WrongRow row = null;
            if (in.getInt("has row") != 0) {
                String name = text(in, "row's tensor");
                int index = in.getInt("row");
                row = new WrongRow(name, index, in.getBytes("slice"));
            }
            in.end();
            return new Evidence(receipt, request, answer, failure, exhibit, new SmallTensors(manifest, tensors), row);
        } catch (IllegalArgumentException e) {
            throw new MalformedException("Malformed evidence: " + e.getMessage());
        }
    }
}
