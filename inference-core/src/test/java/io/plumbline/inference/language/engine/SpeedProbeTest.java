package io.plumbline.inference.language.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SpeedProbeTest {
    @TempDir
    private Path folder;

    /** Speeds of backends are compared by these. */
    @Test
    void theTraceRootOfAPrefillTellsWhatWasComputedAndNotByWhich() throws IOException {
        try (LoadedModel model = TestModels.load(TestModels.SHIPPED, folder);
                ForwardPass scalar = TestModels.forward(model, model.layers(), Backend.SCALAR);
                ForwardPass best = TestModels.forward(model, model.layers(), Backend.best())) {
            SpeedProbe one = new SpeedProbe(scalar, 8);
            assertThrows(IllegalStateException.class, one::traceRoot);
            one.prefill(20, true);
            SpeedProbe other = new SpeedProbe(best, 16);
            other.prefill(20, true);
            assertArrayEquals(one.traceRoot(), other.traceRoot());
            byte[] before = one.traceRoot();
            one.prefill(20, false);
            assertArrayEquals(before, one.traceRoot());
            one.prefill(21, true);
            assertFalse(Arrays.equals(before, one.traceRoot()));
        }
    }
}
