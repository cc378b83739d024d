/**
 * One process that serves a model without a network: its answers go into a log of its own. Imports the gateway and the
 * inference node.
 */
package io.plumbline.node.serve;
