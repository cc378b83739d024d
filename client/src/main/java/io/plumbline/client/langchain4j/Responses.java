package io.plumbline.client.langchain4j;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.UnresolvedModelServerException;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import io.plumbline.client.ApiException;
import io.plumbline.client.ChatAnswer;
import io.plumbline.client.PlumblineException;
import io.plumbline.client.UnreachableException;
import io.plumbline.client.VerificationException;
import java.util.ArrayList;
import java.util.List;

/** The API's answers and errors as LangChain4j has them. */
final class Responses {
    private Responses() {}

    static ChatResponse of(ChatAnswer answer) {
        List<ToolExecutionRequest> calls = new ArrayList<>();
        for (JsonNode call : answer.message().path("tool_calls")) {
            calls.add(ToolExecutionRequest.builder()
                    .id(call.path("id").asText())
                    .name(call.path("function").path("name").asText())
                    .arguments(call.path("function").path("arguments").asText())
                    .build());
        }
        PlumblineResponseMetadata metadata = new PlumblineResponseMetadata.Filled(answer.receipt())
                .id(answer.id())
                .modelName(answer.model())
                .finishReason(reason(answer.finishReason()))
                .tokenUsage(new TokenUsage(
                        answer.usage().promptTokens(), answer.usage().completionTokens()))
                .build();
        AiMessage message = AiMessage.builder()
                .text(answer.text())
                .thinking(answer.reasoning().isEmpty() ? null : answer.reasoning())
                .toolExecutionRequests(calls)
                .build();
        return ChatResponse.builder().aiMessage(message).metadata(metadata).build();
    }

    private static FinishReason reason(String reason) {
        return switch (reason) {
            case "stop" -> FinishReason.STOP;
            case "length" -> FinishReason.LENGTH;
            case "tool_calls" -> FinishReason.TOOL_EXECUTION;
            case null, default -> FinishReason.OTHER;
        };
    }

    /** The same refusal in LangChain4j's types; the cause is ours, with the API's code. */
    static LangChain4jException error(PlumblineException why) {
        return switch (why) {
            case ApiException refused
            when "model_not_found".equals(refused.code()) -> new ModelNotFoundException(refused.getMessage(), refused);
            case ApiException refused -> ofStatus(refused);
            case UnreachableException unreachable ->
                new UnresolvedModelServerException(unreachable.getMessage(), unreachable);
            case VerificationException refuted -> new LangChain4jException(refuted.getMessage(), refuted);
        };
    }

    private static LangChain4jException ofStatus(ApiException refused) {
        int status = refused.status();
        if (status == 401 || status == 403) {
            return new AuthenticationException(refused.getMessage(), refused);
        }
        if (status == 429) {
            return new RateLimitException(refused.getMessage(), refused);
        }
        boolean isOurs = status >= 400 && status < 500 || "invalid_request_error".equals(refused.type());
        return isOurs
                ? new InvalidRequestException(refused.getMessage(), refused)
                : new InternalServerException(refused.getMessage(), refused);
    }
}
