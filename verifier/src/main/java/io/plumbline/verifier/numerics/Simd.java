package io.plumbline.verifier.numerics;

/** Whether the Vector API forms may run. */
public final class Simd {
    private static final boolean ENABLED = Boolean.parseBoolean(System.getProperty("plumbline.vector", "true"))
            && ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent()
            && !VectorWidth.narrow();

    private Simd() {}

    /**
     * False with {@code -Dplumbline.vector=false}, where Java runs without {@code --add-modules
     * jdk.incubator.vector}, and where vectors have fewer than 128 bits.
     */
    public static boolean enabled() {
        return ENABLED;
    }
}
