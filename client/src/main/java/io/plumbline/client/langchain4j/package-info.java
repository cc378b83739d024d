/**
 * Plumbline as a model of LangChain4j's: {@link io.plumbline.client.langchain4j.PlumblineChatModel} and its streaming
 * twin. It imports the client and {@code langchain4j-core}, which the application brings.
 */
package io.plumbline.client.langchain4j;
