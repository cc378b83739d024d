package io.plumbline.verifier.numerics;

/** Every float constant of the numeric contract, in one place. A change here is a new {@link #CONTRACT_VERSION}. */
public final class Constants {
    /**
     * Newest version of the numeric contract. Part of every model id, trace and receipt is the oldest that has what the
     * model asks for: version 2 only adds to version 1, so what was signed under that stands.
     */
    public static final int CONTRACT_VERSION = 2;

    /** Lanes of a float sum: element k goes to lane k mod 256. */
    public static final int LANES = 256;

    /** Largest context, so that the int32 halves of an attention sum cannot overflow: 127 * 255 * 65536 &lt; 2^31. */
    public static final int MAX_CONTEXT = 65_536;

    /** Largest head size with exact int32 scores: 2047 * 2047 * 512 &lt; 2^31. */
    public static final int MAX_HEAD_DIM = 512;

    /** Largest head size of version 1. */
    public static final int MAX_HEAD_DIM_1 = 256;

    /** Largest inner size of an int8 matrix: 127 * 128 * K &lt; 2^31, for a published int8 weight may be -128. */
    public static final int MAX_INNER = 132_104;

    /** A row whose largest magnitude is below this is a zero row: its reciprocal scale would overflow. */
    public static final float TINY = 0x1p-100f;

    /** Base of the two digits that a 16-bit integer is taken apart into, each of -127 to 127. */
    public static final int DIGIT_BASE = 254;

    /** Largest integer of two such digits with both signs: 127 * 254 + 126. */
    static final float MAX_16 = 32384f;

    static final float LOG2E = 0x1.715476p+0f;
    static final float LN2_HI = 0x1.62e43p-1f;
    static final float LN2_LO = -0x1.05c61p-29f;

    // exp(r) = 1 + r + r^2 * (E2 + r * (E3 + ...)) for |r| <= ln(2)/2: a least-maximum fit, relative error below 4e-9.
    static final float E2 = 0x1.fffffcp-2f;
    static final float E3 = 0x1.555492p-3f;
    static final float E4 = 0x1.5558f2p-5f;
    static final float E5 = 0x1.1239e2p-7f;
    static final float E6 = 0x1.6a2434p-10f;

    // gelu(x) = x * sigmoid(x * (GELU + GELU_CUBED * x^2)), the tanh form: 2 * sqrt(2 / pi), and 0.044715 times it.
    static final float GELU = 0x1.988454p+0f;
    static final float GELU_CUBED = 0x1.2444f2p-4f;

    /** Slope of the sigmoid in the clamped SwiGLU: 1.702. */
    static final float SWIGLU_SLOPE = 0x1.b3b646p+0f;

    // log(1 + e) = 2 s * (1 + z / 3 + z^2 / 5 + ...) with s = e / (2 + e), z = s^2, for 0 <= e <= 1: relative error of
    // what is left out below 2e-9.
    static final float L3 = 1f / 3;
    static final float L5 = 1f / 5;
    static final float L7 = 1f / 7;
    static final float L9 = 1f / 9;
    static final float L11 = 1f / 11;
    static final float L13 = 1f / 13;
    static final float L15 = 1f / 15;

    /** Added by the gated delta rule to the sum of squares of a query or a key. */
    public static final float DELTA_EPS = 1e-6f;

    /** Below this exp is 0. */
    static final float EXP_FLOOR = -87f;

    /** Adding and taking away 1.5 * 2^23 rounds to the nearest integer, halves to even, for |x| &lt;= 2^22. */
    static final float ROUND = 0x1.8p23f;

    private Constants() {}
}
