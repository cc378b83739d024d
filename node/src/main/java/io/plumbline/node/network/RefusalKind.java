package io.plumbline.node.network;

/** What an inference node's refusal says of the same request, in the field {@code busy} of the wire's Refused. */
public final class RefusalKind {
    /** It may be met later. */
    public static final int BUSY = 1;

    /** Its answer is larger than messages are. */
    public static final int ANSWER_TOO_LARGE = 2;

    /** The node takes on nothing new: it is about to end. */
    public static final int DRAINING = 3;

    private RefusalKind() {}
}
