package io.plumbline.node.applications;

import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** A streamed answer as LangChain4j tells it. */
final class HeardStream implements StreamingChatResponseHandler {
    private final StringBuffer pieces = new StringBuffer();
    private final CompletableFuture<ChatResponse> whole = new CompletableFuture<>();

    @Override
    public void onPartialResponse(String piece) {
        pieces.append(piece);
    }

    @Override
    public void onCompleteResponse(ChatResponse response) {
        whole.complete(response);
    }

    @Override
    public void onError(Throwable why) {
        whole.completeExceptionally(why);
    }

    /** All pieces so far. */
    String pieces() {
        return pieces.toString();
    }

    /** The whole answer, once it is there; throws its error where it has one. */
    ChatResponse whole() throws Exception {
        return whole.get(1, TimeUnit.MINUTES);
    }
}
