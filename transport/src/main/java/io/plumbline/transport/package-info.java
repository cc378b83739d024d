/**
 * Encrypted sessions between hosts over Aeron, and the bounds on what a stranger may make an endpoint hold or do.
 */
package io.plumbline.transport;
