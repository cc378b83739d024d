/**
 * Chat templates: an interpreter of the part of Jinja2 that published chat templates use, with the meaning that Hugging
 * Face transformers gives it ({@code ImmutableSandboxedEnvironment}, {@code trim_blocks}, {@code lstrip_blocks}, loop
 * controls, the {@code generation} tag, its own {@code tojson}, {@code raise_exception} and {@code strftime_now}).
 *
 * <p>Messages are data and never code; a template comes from a model folder and is not trusted either. It has no way
 * to a file, to another template or to a Java object, and {@link io.plumbline.inference.language.template.Limits}
 * bounds its time, its memory and its depth.
 *
 * <p>Entry: {@link io.plumbline.inference.language.template.ChatTemplate}. The path of a template: {@code Lexer},
 * {@code StatementParser} and {@code ExpressionParser}, {@code ScopeAnalysis}, {@code Interpreter} and
 * {@code Evaluator}. Imports the JDK alone.
 */
package io.plumbline.inference.language.template;
