/**
 * How models write their answers, by family: reading reasoning, what is said and the calls of tools out of one, and the
 * grammars that hold an answer to calls. Entry: {@link io.plumbline.node.gateway.answer.AnswerFormat}, whose {@link
 * io.plumbline.node.gateway.answer.AnswerReader} both whole and streamed answers are read with. Imports {@code
 * gateway.grammar}.
 */
package io.plumbline.node.gateway.answer;
