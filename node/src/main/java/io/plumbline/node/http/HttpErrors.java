package io.plumbline.node.http;

/** How the server words its own refusals and faults, in the form of the API that the client speaks. */
@FunctionalInterface
public interface HttpErrors {
    /**
     * The body, JSON.
     *
     * @param path of the request as sent; empty where the request had none that could be read.
     */
    byte[] body(String path, int status, String message);
}
