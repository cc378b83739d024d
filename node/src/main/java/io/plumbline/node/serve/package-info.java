/**
 * One process that serves models without a network: its answers go into a log of its own. Imports the gateway and the
 * inference node.
 */
package io.plumbline.node.serve;
