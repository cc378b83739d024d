package io.plumbline.inference.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.tensor.onnx.MadeModel;
import io.plumbline.inference.tensor.onnx.MadeModel.Attribute;
import io.plumbline.verifier.tensor.Tensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a request has a model expand ends that request, and not the process, nor others' requests. */
@Tag("slow")
class BoundedMemoryTest {
    private static final int FP32 = 1;
    private static final int INT64 = 7;
    private static final long MIB = 1 << 20;

    @TempDir
    Path folder;

    /** Runs a model in a process that has 256 MiB for all runs. */
    public static void main(String[] arguments) throws IOException {
        Path file = MadeModel.of(17)
                .input("x", FP32, "1")
                .input("shape", INT64, "1")
                .output("y", FP32)
                .output("whole", FP32, "m")
                .node("Expand", "x,shape", "whole")
                .node("ReduceMax", "whole", "y", new Attribute("keepdims", 0L))
                .write(Path.of(arguments[0], "bomb.onnx"));
        TensorPackage model = TensorPackage.importModel(file, Path.of(arguments[0], "bomb"), share -> {});
        try (LoadedTensorModel loaded = Variants.reference(model)) {
            for (long mib : new long[] {1, 150, 200, 400, 4_000_000, 1}) {
                System.out.println(mib + " " + outcome(loaded, mib * MIB / 4, "y"));
            }
            System.out.println("answer of 65 " + outcome(loaded, 65 * MIB / 4, "whole"));
        }
    }

    private static String outcome(LoadedTensorModel model, long elements, String output) {
        List<Tensor> inputs =
                List.of(Tensor.ofFloats("x", new long[] {1}, 3), Tensor.ofLongs("shape", new long[] {1}, elements));
        try {
            return "gives "
                    + model.run(inputs, List.of(output), new Stop()).getFirst().elements();
        } catch (IOException | IllegalArgumentException e) {
            return e.getClass().getSimpleName() + ": " + e.getMessage();
        }
    }

    @Test
    void aRequestThatNeedsTooMuchFailsAlone() throws Exception {
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Dplumbline.onnx.memory=" + 256 * MIB,
                        "-Xmx512m",
                        "--add-modules",
                        "jdk.incubator.vector",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        BoundedMemoryTest.class.getName(),
                        folder.toString()))
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), said);
        List<String> lines =
                said.lines().filter(line -> line.matches("(\\d|answer).*")).toList();
        assertEquals("1 gives 1", lines.get(0), said);
        assertEquals("150 gives 1", lines.get(1), said);
        assertEquals("200 gives 1", lines.get(2), "what the run before it holds is given back: " + said);
        for (int i : new int[] {3, 4}) {
            assertTrue(
                    lines.get(i).contains("Exception: This host has no memory to run the model on these inputs"), said);
            assertTrue(lines.get(i).contains("all runs have 268435456 bytes"), said);
        }
        assertEquals("1 gives 1", lines.get(5), said);
        assertTrue(
                lines.get(6)
                        .contains("AnswerTooLargeException: Output \"whole\" of shape [17039360] has 68157440 bytes"),
                said);
        assertEquals(7, lines.size(), said);
    }
}
