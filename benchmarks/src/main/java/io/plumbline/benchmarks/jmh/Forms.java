package io.plumbline.benchmarks.jmh;

import io.plumbline.inference.language.kernels.Backend;
import java.util.List;

/** Forms of the kernels by the names that parameters give them. */
final class Forms {
    private Forms() {}

    /**
     * A form of this host.
     *
     * @param name {@code scalar}, {@code vector}, {@code best}, or of the native ones their own: {@code avx2}, ...
     * @throws IllegalArgumentException where this host has none of that name.
     */
    static Backend backend(String name) {
        List<Backend> all = Backend.all();
        return name.equals("best")
                ? all.getFirst()
                : all.stream()
                        .filter(one -> one.name().equals(name) || one.name().equals("native " + name))
                        .findFirst()
                        .orElseThrow(() -> new IllegalArgumentException("This host has no form \"" + name
                                + "\" of the kernels; it has "
                                + String.join(
                                        ", ",
                                        all.stream()
                                                .map(one -> one.name().replace("native ", ""))
                                                .toList())
                                + ". Name one by -p form=..."));
    }
}
