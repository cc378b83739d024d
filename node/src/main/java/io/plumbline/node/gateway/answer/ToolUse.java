package io.plumbline.node.gateway.answer;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;

/**
 * The tools that an answer may call.
 *
 * @param tools the JSON schema of each one's parameters, by its name; a missing one for any.
 * @param mayCallSeveral whether more calls than the first are told.
 */
public record ToolUse(CallFormat format, Map<String, JsonNode> tools, boolean mayCallSeveral) {}
