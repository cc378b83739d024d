package io.plumbline.client.langchain4j;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.DefaultChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import io.plumbline.client.ChatStream;
import io.plumbline.client.PlumblineClient;
import io.plumbline.client.PlumblineException;
import java.util.Objects;

/**
 * As {@link PlumblineChatModel}, piece by piece. A virtual thread of its own reads each answer and calls its handler;
 * cancelling by the handle of a piece ends the request at the node, after which the handler is called no more.
 */
public final class PlumblineStreamingChatModel implements StreamingChatModel {
    private final PlumblineClient client;
    private final ChatRequestParameters defaults;

    /** @param client which stays the caller's to close. */
    public PlumblineStreamingChatModel(PlumblineClient client) {
        this(client, DefaultChatRequestParameters.EMPTY);
    }

    /**
     * @param client which stays the caller's to close.
     * @param defaults of requests that do not say otherwise.
     */
    public PlumblineStreamingChatModel(PlumblineClient client, ChatRequestParameters defaults) {
        this.client = Objects.requireNonNull(client, "client");
        this.defaults = Objects.requireNonNull(defaults, "defaults");
    }

    @Override
    public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
        io.plumbline.client.ChatRequest asked = Requests.of(request);
        Thread.startVirtualThread(() -> answer(asked, handler));
    }

    private void answer(io.plumbline.client.ChatRequest asked, StreamingChatResponseHandler handler) {
        Handle handle = null;
        ChatResponse response;
        try (ChatStream stream = client.stream(asked)) {
            handle = new Handle(stream);
            PartialResponseContext context = new PartialResponseContext(handle);
            for (String piece : stream) {
                handler.onPartialResponse(new PartialResponse(piece), context);
            }
            response = Responses.of(stream.answer());
        } catch (PlumblineException e) {
            if (handle == null || !handle.isCancelled()) {
                handler.onError(Responses.error(e));
            }
            return;
        } catch (RuntimeException e) {
            // The handler's own: LangChain4j has it told.
            handler.onError(e);
            return;
        }
        handler.onCompleteResponse(response);
    }

    /** Ends an answer that nobody reads on. */
    private static final class Handle implements StreamingHandle {
        private final ChatStream stream;
        private volatile boolean isCancelled;

        Handle(ChatStream stream) {
            this.stream = stream;
        }

        @Override
        public void cancel() {
            isCancelled = true;
            stream.close();
        }

        @Override
        public boolean isCancelled() {
            return isCancelled;
        }
    }

    @Override
    public ChatRequestParameters defaultRequestParameters() {
        return defaults;
    }
}
