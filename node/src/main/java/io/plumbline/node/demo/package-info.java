/**
 * Whole networks on one host: the demos, the self-test and the soak, and nodes that cheat to be caught. Imports {@code
 * cli} and the roles.
 */
package io.plumbline.node.demo;
