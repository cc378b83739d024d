package io.plumbline.verifier.numerics;

/** Whether the Vector API forms may run. Each form asks for its own lane count besides. */
public final class Simd {
    private static final boolean ENABLED = Boolean.parseBoolean(System.getProperty("plumbline.vector", "true"))
            && ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();

    private Simd() {}

    /** False with {@code -Dplumbline.vector=false}, or where Java runs without {@code --add-modules jdk.incubator.vector}. */
    public static boolean enabled() {
        return ENABLED;
    }
}
