package io.plumbline.inference.language.engine;

/** A device computes on, maybe wrongly: its driver reports that its memory or the device itself has failed. */
public final class DeviceUnsoundException extends DeviceFailedException {
    private static final long serialVersionUID = 1;

    public DeviceUnsoundException(String message) {
        super(message);
    }
}
