package io.plumbline.inference.language.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.synthetic.RandomModel;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Pinned: a change here is a new version of the numeric contract, of the trace, or of import. */
class GoldenFamiliesTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "Llama, 97e19707c9acf86bd5d4566e13efc0525cb22b76669ebf0ca584b084a34533da",
        "Qwen2, 0c207b8f92621a2c7e71570e3205e591b48358caa468dd859a83c8282b6a34a5",
        "Qwen3, 173e5492048e6e2a0f1d8f0696a7e992cf56ba95b21d8c1ca24b222e9c936956",
        "Ministral, b374a00ede187aa464e76d5582400f6b108a3694f569e2b2dd74d6b59d530cf0",
        "Gemma, d82bad1b8f49478160b288830d9cbb1b6b4913d7212aab13eb74efbbc630d6ac",
        "Gemma2, 2a8977d17712d7ff1c3a8937bd872312aafb29320849724d304ddc020295a78f",
        "Gemma3, a8026831aba15a5810f67c956f694b2a1dcfc36869dd3f679f68d10d02f786f5",
        "Gemma4, 05f22a39bca5319dc8d72522173c49e1ef0e3d9d151303b13d8ce47c1b390480",
        "Gemma4Mixture, 8995ecbf6af51bf6cb1133d5f4f39cfba18543480b8a9dc0c61421011b8cba7d",
        "Gemma4ForConditionalGeneration, af1cfd2aafa9a115bffe814703c4ddb689145a8a2b7ae2e1ea6832f145b04d18",
        "Phi3, 87851051c1aa8b57efe26b3ce71c40bb37818a8ce2f4014baa99819efbbd9d85",
        "Olmo2, f66ab878e98040d2fdb4cac7b10372319963412e6e001d31f41c9ee02608ccef",
        "Olmo3, 9ab29aefc49d28dcdeb88c8f3adaa1466d0c1d2b6189c697010513d3205629fd",
        "SmolLM3, f81ace883afa83dd3e06ddda31c431299beb778d24fde916433264012f67df9a",
        "Granite, 883e6b321e5dda4b6dfb94a61b072298527486b80aa0e1e39d9c3ca609653e9e",
        "Glm, a868f4ddd350c82b392d7a8af06adc0a20a8268b0ebc8a7abd1b4148a1ad1944",
        "Glm4, 7a0ebd3db8b407d29bdfc118fa46d3b1513bde975b784e8344bdb5c8ac87e436",
        "Exaone4, d02d70be1b8f3d0f4bdf094d661650ac54c5136ef60e146e0c22085e1203b6c7",
        "Mixtral, 3192c8095bd0233882250ac2e99b7a01ec87834c0d2d62c39ecc11089e1e57b2",
        "Qwen3Moe, e5608b3054e8559527694a20ed15fae1a6c621625f13537a24b93d078c6220ae",
        "Olmoe, c6612ce9ef9343da363c0c09b670d295bdacd685c22b53af3c8e5e1de308a467",
        "Glm4Moe, 795b0187edf93937c783b621caaf03918ebf72cddb886dea352f726d7c4266ef",
        "Qwen3Next, ed45b4ef1b229e6200f2270b8bbaa7c81e3cb32bd1cfa2357902e4d76c197172",
        "Qwen3_5, 3b58fab720a80911e238ef000751c655c483ca4a35d641981c1a81f148ca336f",
        "Qwen3_5Moe, f544ae52ed8c392dcd520dfd6c0c587bad280f5d13d656d86e242ff2bd073dd9",
        "GptOss, 1cfd442614025135f2850a39ab625e02c495b1356229cd1d4613e05854fd5286"
    })
    void aSmallModelOfEachFamilyHasItsTraceRoot(String family, String root) throws IOException {
        Path source = folder.resolve("source");
        RandomModel.Shape shape = FamilyTest.shape(
                family.contains("For") ? family : family + "ForCausalLM", "BF16", family.startsWith("Gemma"), 1, 1);
        RandomModel.write(shape, 7, source, share -> {});
        try (LoadedModel model = TestModels.load(source, folder)) {
            int vocab = model.config().vocab();
            int[] prompt = IntStream.range(0, 30)
                    .map(i -> 3 + (i * 53 + 11) % (vocab - 3))
                    .toArray();
            Request request = TestModels.request(model, prompt, 10, Sampling.GREEDY);
            Generator generator =
                    new Generator(TestModels.forward(model, model.layers(), Backend.SCALAR), Bytes32.ZERO, 16);
            assertEquals(
                    root, Blake3.hex(generator.generate(request, token -> {}).traceRoot()), family);
        }
    }
}
