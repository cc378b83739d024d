/**
 * Turns what clients ask an answer's form by, JSON schemas and regular expressions, into the grammars that requests
 * hold. Nobody but the client and its gateway has to agree on how: the grammar itself is in the request. Entry:
 * {@link io.plumbline.node.gateway.grammar.JsonSchemaGrammar} and
 * {@link io.plumbline.node.gateway.grammar.RegexGrammar}. Imports JSON alone.
 */
package io.plumbline.node.gateway.grammar;
