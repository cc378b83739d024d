/**
 * Facts and files that a request names: how they are proven, and the text that they become in a prompt. Gateways that
 * make the prompt, nodes that answer it and auditors that make it again do it here, so that they cannot differ.
 */
package io.plumbline.inference.language.sources;
