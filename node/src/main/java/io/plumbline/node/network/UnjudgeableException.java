package io.plumbline.node.full;

import java.io.IOException;

/** What a node has disclosed cannot be judged here, for no fault of its own: nothing is asked of it again. */
final class UnjudgeableException extends IOException {
    private static final long serialVersionUID = 1;

    UnjudgeableException(Exception why) {
        super(why.getMessage(), why);
    }
}
