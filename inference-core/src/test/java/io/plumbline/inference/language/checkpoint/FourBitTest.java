package io.plumbline.inference.language.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.gguf.GgufCheckpoint;
import io.plumbline.inference.language.gguf.GgufExport;
import io.plumbline.inference.language.gguf.GgufType;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.importer.WeightBits;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.safetensors.SafetensorsCheckpoint;
import io.plumbline.inference.language.synthetic.RandomModel;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.TensorNames;
import io.plumbline.verifier.numerics.WeightFormat;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Weights of four bits: imported, computed and audited as exactly as those of eight. */
class FourBitTest {
    @TempDir
    Path folder;

    private int count;

    private Path source(String architecture, String dtype) throws IOException {
        Path source = folder.resolve("source" + count++);
        RandomModel.Shape shape = FamilyTest.shape(architecture, dtype, architecture.startsWith("Gemma"), 1, 1);
        RandomModel.write(shape, 7, source, share -> {});
        return source;
    }

    /** Pinned: a change here is another contract, another trace, or another import. */
    @ParameterizedTest
    @CsvSource({
        "Llama, BF16, 76b2e34d115c2dc4fe484b9d3307de9bb72c7ed863c0d0870902a8a2f7e759f0",
        "Qwen2, BF16, b13f8e88a2247846130b1f7f843148e48aef8f364b9863aaa2c1336e7f104810",
        "Gemma3, BF16, 8635afa6d81cf8db1e49bbc98195bf759342991923b48673a6e0b70cab02c1f8",
        "Qwen3Moe, BF16, c7b73b16294df4d759f31bc17db91055da2a8728929ccd4ea6ed1f7e3fcfbff5",
        "GptOss, MXFP4, 95a602a09b562e66cff595f364d3bbd248fe51fb0f898080b127d35ab0323271"
    })
    void aSmallModelHasItsTraceRootOnEveryBackend(String family, String dtype, String root) throws IOException {
        Path source = source(family + "ForCausalLM", dtype);
        try (LoadedModel model = TestModels.load(source, WeightBits.INT4, folder)) {
            int vocab = model.config().vocab();
            int[] prompt = IntStream.range(0, 30)
                    .map(i -> 3 + (i * 53 + 11) % (vocab - 3))
                    .toArray();
            Request request = TestModels.request(model, prompt, 10, Sampling.GREEDY);
            for (Backend backend : Backend.all()) {
                Generator generator =
                        new Generator(TestModels.forward(model, model.layers(), backend), Bytes32.ZERO, 16);
                String found =
                        Blake3.hex(generator.generate(request, token -> {}).traceRoot());
                assertEquals(root, found, family + " on " + backend.name());
            }
        }
    }

    @Test
    void matricesTakeHalfTheBytesAndAreNearWhatTheyWere() throws IOException {
        Path source = source("LlamaForCausalLM", "BF16");
        try (LoadedModel eight = TestModels.load(source, folder.resolve("8"));
                LoadedModel four = TestModels.load(source, WeightBits.INT4, folder.resolve("4"));
                SafetensorsCheckpoint checkpoint = SafetensorsCheckpoint.open(source)) {
            String name = TensorNames.DOWN.weight(1);
            Manifest.Tensor tensor = four.manifest().tensor(name);
            assertEquals(WeightFormat.INT4_NORMAL, tensor.format(), "random weights are normally distributed");
            assertEquals(eight.manifest().tensor(name).bytes() * 17 / 32, tensor.bytes());
            assertEquals(0.08, relativeError(four, name, checkpoint.require(name, 64, 96)), 0.005);
            // Tensors that decide the tokens, and those that are no matrix of a layer, are kept as they are.
            for (String kept : List.of(TensorNames.EMBEDDING, TensorNames.OUTPUT_WEIGHT, TensorNames.FINAL_NORM)) {
                assertArrayEquals(
                        eight.manifest().tensor(kept).hash(),
                        four.manifest().tensor(kept).hash(),
                        kept);
            }
            four.verify(share -> {});
        }
    }

    private static double relativeError(LoadedModel model, String name, Weights weights) throws IOException {
        Manifest.Tensor tensor = model.manifest().tensor(name);
        short[] elements = new short[weights.columns()];
        float[] row = new float[weights.columns()];
        MemorySegment scales = model.tensor(name + "_scale");
        double errors = 0;
        double squares = 0;
        for (int r = 0; r < weights.rows(); r++) {
            weights.row(r, row);
            tensor.format().widen(model.tensor(name), (long) r * tensor.rowBytes(), row.length, elements);
            float scale = scales.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, r);
            for (int i = 0; i < row.length; i++) {
                errors += Math.pow(row[i] - elements[i] * scale, 2);
                squares += row[i] * row[i];
            }
        }
        return Math.sqrt(errors / squares);
    }

    @Test
    void mxfp4IsKeptToTheBit() throws IOException {
        Path source = source("GptOssForCausalLM", "MXFP4");
        List<String> notes = new ArrayList<>();
        Path to = folder.resolve("four");
        ModelImport.run(source, to, WeightBits.INT4, share -> {}, notes::add);
        assertEquals(
                List.of("Of 2304 weight rows in four bits 2304 are kept to the bit; the others' values are rounded."),
                notes);
        try (LoadedModel model = LoadedModel.open(to);
                SafetensorsCheckpoint checkpoint = SafetensorsCheckpoint.open(source)) {
            CanonicalCheckpoint named = new CanonicalCheckpoint(
                    checkpoint, HuggingFaceConfig.of(checkpoint).description());
            for (int layer = 0; layer < 2; layer++) {
                String name = TensorNames.expertDown(layer) + ".weight";
                assertEquals(
                        WeightFormat.INT4_E2M1, model.manifest().tensor(name).format());
                int[] shape = model.manifest().tensor(name).shape();
                assertEquals(0, relativeError(model, name, named.require(name, shape[0], shape[1])));
            }
        }
    }

    @Test
    void blocksOfAFileOfFourBitsKeepTheirCodes() throws IOException {
        Path source = source("LlamaForCausalLM", "BF16");
        Path file = folder.resolve("q4.gguf");
        try (SafetensorsCheckpoint checkpoint = SafetensorsCheckpoint.open(source)) {
            GgufExport.run(checkpoint, GgufType.Q4_0, file, share -> {});
        }
        try (LoadedModel model = TestModels.load(file, WeightBits.INT4, folder);
                GgufCheckpoint checkpoint = GgufCheckpoint.open(file)) {
            String name = TensorNames.GATE.weight(0);
            assertEquals(WeightFormat.INT4_LINEAR, model.manifest().tensor(name).format());
            // The scales of blocks are rounded to eight bits, the weights not again.
            assertTrue(relativeError(model, name, checkpoint.require(name, 96, 64)) < 0.005);
        }
    }

    /** A copy whose file has other bytes from a place of a tensor on. */
    private LoadedModel changed(LoadedModel model, String tensor, long at, byte... bytes) throws IOException {
        Path copy = copy(model);
        long place = model.tensor(tensor).address();
        long begin = place - model.tensor(firstInFile(model)).address() + dataBegins(model.folder());
        try (FileChannel file = FileChannel.open(copy.resolve("model.safetensors"), StandardOpenOption.WRITE)) {
            file.write(ByteBuffer.wrap(bytes), begin + at);
        }
        return LoadedModel.open(copy);
    }

    private static String firstInFile(LoadedModel model) throws IOException {
        String first = null;
        for (String name : model.manifest().tensors().keySet()) {
            if (first == null
                    || model.tensor(name).address() < model.tensor(first).address()) {
                first = name;
            }
        }
        return first;
    }

    private static long dataBegins(Path model) throws IOException {
        try (Arena arena = Arena.ofConfined();
                FileChannel file = FileChannel.open(model.resolve("model.safetensors"))) {
            return 8 + file.map(FileChannel.MapMode.READ_ONLY, 0, 8, arena).get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
        }
    }

    private Path copy(LoadedModel model) throws IOException {
        Path copy = Files.createDirectory(folder.resolve("copy" + count++));
        try (var files = Files.list(model.folder())) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
        }
        return copy;
    }

    @Test
    void aNodeWithOtherWeightsIsFoundOutByItsRow() throws IOException {
        Path source = source("Qwen3MoeForCausalLM", "BF16");
        try (LoadedModel model = TestModels.load(source, WeightBits.INT4, folder)) {
            assertNull(ArchitectureCheatsTest.audit(model, model));
            String down = TensorNames.O.weight(1);
            byte index = model.tensor(down).get(ValueLayout.JAVA_BYTE, 5);
            try (LoadedModel cheat = changed(model, down, 5, (byte) (index ^ 0x10))) {
                assertEquals(
                        Step.OUT_PROJECTION,
                        ArchitectureCheatsTest.audit(model, cheat).step());
            }
            // The first factor of the matrix's first row.
            String query = TensorNames.Q.weight(0);
            int columns = model.manifest().tensor(query).shape()[1];
            byte factor = model.tensor(query).get(ValueLayout.JAVA_BYTE, columns / 2);
            try (LoadedModel cheat = changed(model, query, columns / 2, (byte) (factor ^ 1))) {
                assertEquals(
                        Step.QKV, ArchitectureCheatsTest.audit(model, cheat).step());
            }
            String experts = TensorNames.expertDown(0) + ".weight";
            byte[] row = new byte[model.manifest().tensor(experts).rowBytes()];
            try (LoadedModel cheat = changed(model, experts, 0, row)) {
                // Factors of 0 are not what any node loads: the file is refused before a token.
                assertTrue(assertThrows(IOException.class, () -> cheat.verify(share -> {}))
                        .getMessage()
                        .contains("hashes to"));
            }
        }
    }

    @Test
    void otherCodesForTheSameIndicesAreFoundOut() throws IOException {
        Path source = source("LlamaForCausalLM", "BF16");
        try (LoadedModel model = TestModels.load(source, WeightBits.INT4, folder)) {
            Path copy = copy(model);
            Path manifest = copy.resolve(Manifest.FILE_NAME);
            String name = TensorNames.UP.weight(1);
            String text = Files.readString(manifest);
            Files.writeString(manifest, text.replace(name + " I4_NORMAL", name + " I4_E2M1"));
            try (LoadedModel cheat = LoadedModel.open(copy)) {
                assertEquals(
                        Step.GATE_UP, ArchitectureCheatsTest.audit(model, cheat).step());
            }
        }
    }

    @Test
    void aModelWhoseProductsMayLeave32BitsIsRefusedByNodesAndAuditors() throws IOException {
        Path source = source("LlamaForCausalLM", "BF16");
        try (LoadedModel model = TestModels.load(source, WeightBits.INT4, folder)) {
            String name = TensorNames.Q.weight(0);
            byte[] zero = new byte[1];
            Path hostile;
            int columns = model.manifest().tensor(name).shape()[1];
            try (LoadedModel changed = changed(model, name, columns / 2, zero)) {
                SortedMap<String, Manifest.Tensor> tensors =
                        new TreeMap<>(changed.manifest().tensors());
                Manifest.Tensor was = tensors.get(name);
                byte[] bytes = changed.tensor(name).toArray(ValueLayout.JAVA_BYTE);
                tensors.put(name, new Manifest.Tensor(was.dtype(), was.shape(), Blake3.hash(bytes)));
                hostile = changed.folder();
                Files.writeString(
                        hostile.resolve(Manifest.FILE_NAME),
                        new Manifest(changed.config(), changed.manifest().files(), tensors).text());
            }
            try (LoadedModel loaded = LoadedModel.open(hostile)) {
                for (IOException refusal : List.of(
                        assertThrows(IOException.class, () -> loaded.verify(share -> {})),
                        assertThrows(IOException.class, () -> loaded.verifierKey(share -> {})))) {
                    assertTrue(
                            refusal.getMessage().contains(name)
                                    && refusal.getMessage().contains("may leave 32 bits"),
                            refusal.getMessage());
                }
            }
        }
    }

    @Test
    void rowsThatAreNoWholeGroupsStayInEightBits() throws IOException {
        Path source = folder.resolve("odd");
        RandomModel.write(
                new RandomModel.Shape("LlamaForCausalLM", 64, 1, 4, 2, 16, 80, 320, 256, "BF16", false, 0, 1),
                1,
                source,
                share -> {});
        List<String> notes = new ArrayList<>();
        Manifest manifest = ModelImport.run(source, folder.resolve("to"), WeightBits.INT4, share -> {}, notes::add);
        assertEquals(
                WeightFormat.INT8, manifest.tensor(TensorNames.DOWN.weight(0)).format());
        assertEquals(
                WeightFormat.INT4_NORMAL,
                manifest.tensor(TensorNames.UP.weight(0)).format());
        assertEquals(
                List.of("Of 8 matrices 1 have rows that are no whole groups of 32 weights: they are kept in 8 bits."),
                notes);
        IOException again = assertThrows(
                IOException.class, () -> ModelImport.run(folder.resolve("to"), folder.resolve("again"), share -> {}));
        assertTrue(again.getMessage().contains("Import the checkpoint that it was made of"), again.getMessage());
    }
}
