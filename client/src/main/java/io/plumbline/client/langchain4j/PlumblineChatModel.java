package io.plumbline.client.langchain4j;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.DefaultChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import io.plumbline.client.PlumblineClient;
import io.plumbline.client.PlumblineException;
import java.util.Objects;

/**
 * A Plumbline server as a chat model of LangChain4j's. A response's metadata is a {@link PlumblineResponseMetadata},
 * which has the receipt; errors are LangChain4j's, with the client's as their cause. For any number of threads.
 */
public final class PlumblineChatModel implements ChatModel {
    private final PlumblineClient client;
    private final ChatRequestParameters defaults;

    /** @param client which stays the caller's to close. */
    public PlumblineChatModel(PlumblineClient client) {
        this(client, DefaultChatRequestParameters.EMPTY);
    }

    /**
     * @param client which stays the caller's to close.
     * @param defaults of requests that do not say otherwise.
     */
    public PlumblineChatModel(PlumblineClient client, ChatRequestParameters defaults) {
        this.client = Objects.requireNonNull(client, "client");
        this.defaults = Objects.requireNonNull(defaults, "defaults");
    }

    @Override
    public ChatResponse doChat(ChatRequest request) {
        try {
            return Responses.of(client.chat(Requests.of(request)));
        } catch (PlumblineException e) {
            throw Responses.error(e);
        }
    }

    @Override
    public ChatRequestParameters defaultRequestParameters() {
        return defaults;
    }
}
