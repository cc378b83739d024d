/**
 * The processes of a network. {@link io.plumbline.node.Main} is the entry: it knows all commands and nothing else.
 *
 * <p>Packages stand on five floors: {@code demo > cli > gateway | full | inference > client > network}; {@code http}
 * is the server library beneath the gateway. A test holds that none climbs.
 */
package io.plumbline.node;
