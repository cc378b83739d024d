package io.plumbline.node.network;

import java.io.IOException;

/** What a node has shown cannot be judged here, for no fault of its own: nothing is asked of it again. */
public final class UnjudgeableException extends IOException {
    private static final long serialVersionUID = 1;

    public UnjudgeableException(Throwable why) {
        super(why.getMessage(), why);
    }
}
