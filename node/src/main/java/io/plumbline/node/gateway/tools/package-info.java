/**
 * How models write the calls of tools in their text, by family: reading them out of an answer, and the grammars that
 * hold an answer to calls. Entry: {@link io.plumbline.node.gateway.tools.ToolFormat} and
 * {@link io.plumbline.node.gateway.tools.ToolUse}. Imports {@code gateway.grammar}.
 */
package io.plumbline.node.gateway.tools;
