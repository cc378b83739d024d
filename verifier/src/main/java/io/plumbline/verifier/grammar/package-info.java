/**
 * Grammars that bind an answer's text: read from GBNF (llama.cpp's notation), followed byte by byte by derivatives, and
 * turned into the set of tokens that may come next. Everything here is a function of grammar, vocabulary and text, so
 * an auditor recomputes the set that the node drew from. {@link io.plumbline.verifier.grammar.Gbnf} writes what is read
 * here. Entry: {@link io.plumbline.verifier.grammar.Grammar} and {@link io.plumbline.verifier.grammar.GrammarWalk}.
 * Imports nothing of the project.
 */
package io.plumbline.verifier.grammar;
