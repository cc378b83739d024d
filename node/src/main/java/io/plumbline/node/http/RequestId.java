package io.plumbline.node.http;

import java.util.UUID;

/** Names each answer, as OpenAI's clients show it to their users: in reports of faults both sides mean the same one. */
final class RequestId {
    static final String HEADER = "x-request-id";

    private RequestId() {}

    static String next() {
        return "req_" + UUID.randomUUID().toString().replace("-", "");
    }
}
