/**
 * The page that gateways, {@code serve} and full nodes show in a browser: its files, which are served as they lie in
 * the jar, and what changes on it. A role says what it has as sections of JSON ({@link
 * io.plumbline.node.page.PageSource}), one thread asks it for them, and all that look are told the same ({@link
 * io.plumbline.node.page.LiveView}), by {@link io.plumbline.node.page.PageRoutes}, the entry. It imports {@code
 * network} for the thread and {@code http} for the routes.
 */
package io.plumbline.node.page;
