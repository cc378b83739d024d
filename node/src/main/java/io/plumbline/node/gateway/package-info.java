/**
 * The gateway: the OpenAI API, embeddings and the Open Inference Protocol over HTTP, and the choice of a node for each
 * request. Imports {@code client}, {@code network} and {@code http}. Entry: {@link io.plumbline.node.gateway.Gateway}.
 */
package io.plumbline.node.gateway;
