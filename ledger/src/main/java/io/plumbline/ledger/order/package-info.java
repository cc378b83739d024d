/**
 * Between an order of commands and the state: a replica that applies what is ordered and tells what happened, and the
 * questions that may be asked of it.
 */
package io.plumbline.ledger.order;
