/**
 * The HTTP server beneath the gateway's APIs: connections, framing, limits, routes. It imports nothing of Plumbline,
 * and it is the only package that imports the server library. {@link io.plumbline.node.http.HttpServer} is the entry;
 * {@link io.plumbline.node.http.HttpExchange} is what an API sees.
 */
package io.plumbline.node.http;
