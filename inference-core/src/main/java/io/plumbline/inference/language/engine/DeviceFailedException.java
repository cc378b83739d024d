package io.plumbline.inference.language.engine;

/** What computes has failed, not what was asked of it: nothing more can be run on it. */
public class DeviceFailedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public DeviceFailedException(String message) {
        super(message);
    }
}
