package io.plumbline.verifier.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.numerics.Rope;
import io.plumbline.verifier.numerics.RopeScaling;
import java.util.Collections;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A stranger's description of a model is refused in one line, before anything is made of it. */
class HostileManifestTest {
    private static final String RICH = new Manifest(config(), new TreeMap<>(), new TreeMap<>()).text();

    private static ModelConfig config() {
        Architecture architecture = new Architecture.Builder()
                .activation(Activation.CLAMPED_SWIGLU)
                .gateLimit(7)
                .window(8)
                .attention("WF")
                .scoreCap(50)
                .rotaryDim(8)
                .localRope(new Rope(10_000, new RopeScaling.Linear(2)))
                .experts(new Experts(4, 2, 32, 16, Experts.Scoring.SOFTMAX, false, true, 1, 0))
                .build();
        Rope rope = new Rope(1e6, new RopeScaling.Yarn(4, 1, 32, 1, 4_096, true));
        return new ModelConfig(64, 2, 4, 2, 16, 96, 320, 256, 1e-6f, rope, false, false, architecture);
    }

    private static final String LINEAR = new Manifest(linear(), new TreeMap<>(), new TreeMap<>()).text();

    private static ModelConfig linear() {
        Architecture architecture = new Architecture.Builder()
                .attention("DF")
                .delta(new DeltaRule(2, 4, 16, 16, 4))
                .attentionGate(true)
                .experts(new Experts(4, 2, 32, 16, Experts.Scoring.SOFTMAX, false, true, 1, 0, false, true, false))
                .build();
        return new ModelConfig(64, 2, 4, 2, 16, 96, 320, 256, 1e-6f, Rope.plain(10_000), false, true, architecture);
    }

    private static String refused(String text) {
        String message = assertThrows(IllegalArgumentException.class, () -> Manifest.parse(text))
                .getMessage();
        assertTrue(message.length() < 500 && !message.contains("\n"), message);
        return message;
    }

    private static String with(String field, String value) {
        return with(RICH, field, value);
    }

    private static String with(String in, String field, String value) {
        String text = in.replaceFirst(" " + field + "=[^ \n]*", " " + field + "=" + value);
        if (text.equals(in)) {
            throw new IllegalArgumentException(field + " is as it was.");
        }
        return text;
    }

    @Test
    void theManifestThatIsChangedHereIsOne() {
        assertEquals(RICH, Manifest.parse(RICH).text());
        assertEquals(LINEAR, Manifest.parse(LINEAR).text());
        assertEquals(linear(), Manifest.parse(LINEAR).config());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "delta | 2,4,16,16 | not described by 5 numbers",
                "delta | 3,4,16,16,4 | 4 value heads of linear attention cannot share 3 key heads",
                "delta | 0,4,16,16,4 | sizes of linear attention must be positive",
                "delta | -2,4,16,16,4 | sizes of linear attention must be positive",
                "delta | 2,4,16,257,4 | heads of linear attention of 16 and 257 elements",
                "delta | 2,4,16,16,1 | a convolution of 1 taps",
                "delta | 2,4,16,16,2000000000 | a convolution of 2000000000 taps",
                "delta | 1000000,1000000,1,1,4 | a convolution of more than",
                "delta | 1,2000000000,1,1,4 | a convolution of more than",
                "delta | 1,1000,1,200,4 | a matrix is wider than",
                "delta | 1,1000,256,128,4 | a state of more than",
                "delta | 2,4,16,16,4.0 | 4.0",
                "attention | FF | sizes of linear attention without a layer",
                "attention | DD | linear attention in all layers",
                "attention | dF | layer kind d",
                "attention | DFD | 3 layer kinds for 2 layers",
                "attentionGate | false | canonical",
                "experts | 4,2,32,0,softmax,false,true,0x1.0p0,0,sharedGate | a gate of a shared part where there is none",
                "experts | 4,2,32,16,softmax,false,true,0x1.0p0,0,gate | not described by 9 words",
            })
    void absurdLinearAttentionIsRefusedByName(String field, String value, String message) {
        String found = refused(with(LINEAR, field, value));
        assertTrue(found.contains(message), found);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "window | 99999999999 | 99999999999",
                "window | 0 | a window of 0 tokens",
                "attention | WFW | 3 layer kinds for 2 layers",
                "attention | FF | a window without a layer",
                "layers | 2000000000 | 2000000000 layers",
                "scoreCap | NaN | a scale or cap of NaN",
                "scoreCap | -0x1.0p0 | a scale or cap of -1.0",
                "scoreCap | 0x1.0p-140 | a cap of",
                "rotaryDim | 16 | as much as a head is rotated",
                "localRopeScaling | linear,0x1.0p1000 | rope scaling linear by",
                "localRopeScaling | linear,NaN | rope scaling linear by [NaN]",
                "localRopeScaling | long,0x1.0p0,0x1.0p0 | 1 factors of a long rope where 4 pairs",
                "localRopeTheta | 0x1.0p1000 | rope theta",
                "ropeTheta | 0x1.0p0 | a rotary frequency of NaN",
                "ropeTheta | 1e6 | canonical",
                "experts | 2000000000,2,32,16,softmax,false,true,0x1.0p0,0 | 2000000000 experts",
                "experts | 4,2,2000000000,16,softmax,false,true,0x1.0p0,0 | an expert is wider",
                "experts | 4,2,32,2000000000,softmax,false,true,0x1.0p0,0 | an expert is wider",
                "experts | 4,5,32,16,softmax,false,true,0x1.0p0,0 | 5 experts a token, of 4",
                "experts | 4,2,32,16,softmax,false,true,NaN,0 | experts weighed by NaN",
                "experts | 4,2,32,16,softmax,false,true,0x1.0p0,2 | in no layer",
                "experts | 4,2,32,16,softmax,false,true,0x1.0p0 | not described by 9 words",
                "experts | 4,2,32,16,softmax,false,true,0x1.0p0,0,true | not described by 9 words",
                "activation | gelu_tanh | a limit of 7.0",
                "gateLimit | 0x0.0p0 | a limit of 0.0",
                "gateLimit | NaN | a limit of NaN",
                "gateLimit | Infinity | a limit of Infinity",
                "eps | 0x1.0p-20 window=8 | canonical",
            })
    void whatIsAbsurdIsRefusedByName(String field, String value, String message) {
        String found = refused(with(field, value));
        assertTrue(found.contains(message), found);
    }

    /** Its first bytes would be taken for the matrix, and no proof of one of its rows would hold. */
    @Test
    void aMatrixThatIsOfNoFormatOfWeightsIsNone() {
        Manifest manifest = Manifest.parse(RICH + "tensor m F32 4x8 " + "00".repeat(32) + "\n");
        String message = assertThrows(IllegalArgumentException.class, () -> manifest.matrix("m", 4, 8))
                .getMessage();
        assertEquals("Tensor \"m\" is of type F32 where a matrix is int8 or int4.", message);
    }

    @Test
    void aMatrixOfFourBitsHasWholeGroupsAndARouterHasInt8() {
        Manifest manifest = Manifest.parse(RICH + "tensor m.weight I4_LINEAR 4x40 " + "00".repeat(32) + "\n"
                + "tensor r.weight I4_LINEAR 4x64 " + "00".repeat(32) + "\n");
        assertThrows(
                IllegalArgumentException.class,
                () -> manifest.tensor("m.weight").bytes());
        TensorRows rows = new TensorRows("r", 4, 0, 4, 64);
        assertEquals(4 * 34, manifest.matrix(MatrixStack.DOWN, rows).bytes());
        assertThrows(IllegalArgumentException.class, () -> manifest.matrix(MatrixStack.ROUTER, rows));
    }

    /** Its memory and its message stay small, however long the line. */
    @Test
    void aLineOfMillionsOfCharactersIsRefusedInAShortOne() {
        String numbers = String.join(",", Collections.nCopies(1_000_000, "0x1.0p0"));
        for (String scaling : new String[] {"long," + numbers, numbers, "x".repeat(4_000_000)}) {
            refused(with("localRopeScaling", scaling));
        }
        refused(with("attention", "W".repeat(4_000_000)));
        refused(with("window", "9".repeat(4_000_000)));
        refused(with("experts", numbers));
    }
}
