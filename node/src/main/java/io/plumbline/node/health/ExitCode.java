package io.plumbline.node.health;

/** Exit codes of the program. docs/operating.md says of each what the operator does. */
public enum ExitCode {
    /** A command is done; a role was told to end, and has. */
    DONE(0),

    /** A command failed, or a role could not start; a line on standard error says why. */
    FAILED(1),

    /** The command line is not one, or the process cannot be started with its options; nothing was. */
    USAGE(2),

    /** The engine has failed: its thread ended, the GPU failed, or no step came to an end in time. */
    ENGINE(10),

    /** The media driver or a client of it has ended: nothing can be sent or received any more. */
    DRIVER(11),

    /** The ledger's member in this process cannot go on: its disk, its log, or its state machine. */
    LEDGER(12),

    /** The heap, or other memory of the process, ran out in a thread that could not give the work up. */
    MEMORY(13),

    /** A thread that the role cannot do without has ended by a fault. */
    THREAD(14),

    /** Another process signs with this full node's key. */
    SIGNED_ELSEWHERE(15),

    /** The device that computes reports failed memory, or has gone: nothing more of it is signed. */
    DEVICE(16);

    private final int code;

    ExitCode(int code) {
        this.code = code;
    }

    /** As the operating system has it, 0 to 255. */
    public int code() {
        return code;
    }
}
