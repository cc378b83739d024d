package io.plumbline.inference.language.kernels;

import io.plumbline.verifier.numerics.ExactMath;
import io.plumbline.verifier.numerics.ScalarMath;
import io.plumbline.verifier.numerics.Simd;
import io.plumbline.verifier.numerics.VectorMath;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * A way to compute, for as many threads as there are. All give the same bits.
 *
 * @param name for people: "scalar", "vector", "native avx512vnni".
 * @param kernels makes a thread's integer kernels.
 * @param math makes a thread's float arithmetic.
 */
public record Backend(String name, Supplier<IntKernels> kernels, Supplier<ExactMath> math) {
    /** System property that names the kernels that are to be taken. */
    public static final String PROPERTY = "plumbline.kernels";

    /** The specification. */
    public static final Backend SCALAR = new Backend("scalar", ScalarKernels::new, ScalarMath::new);

    /** All that run on this host, fastest first; the specification is last. */
    public static List<Backend> all() {
        List<Backend> all = new ArrayList<>();
        for (NativeKernels.Form form : NativeKernels.forms()) {
            all.add(new Backend("native " + form.name(), () -> new NativeKernels(form), ExactMath::best));
        }
        if (Simd.enabled()) {
            all.add(new Backend("vector", VectorKernels::new, VectorMath::new));
        }
        all.add(SCALAR);
        return all;
    }

    /**
     * The one that {@link #PROPERTY} names, or the fastest in general.
     *
     * @throws IllegalStateException where this host has none of that name.
     */
    public static Backend best() {
        String named = System.getProperty(PROPERTY);
        List<Backend> all = all();
        return named == null
                ? all.getFirst()
                : all.stream()
                        .filter(one -> one.name().equals(named))
                        .findFirst()
                        .orElseThrow(() -> new IllegalStateException("This host has no kernels \"" + named
                                + "\" (-D" + PROPERTY + "); it has "
                                + String.join(
                                        ", ", all.stream().map(Backend::name).toList()) + "."));
    }
}
