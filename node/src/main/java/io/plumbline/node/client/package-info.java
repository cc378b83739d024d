/**
 * Calls to an inference node, as gateways, full nodes and the command line make them: requests, disclosures, openings.
 * Imports {@code network}. Entry: {@link io.plumbline.node.client.NodeClient}.
 */
package io.plumbline.node.client;
