/** What the ledger has certified, kept for as long as the disk lasts. */
package io.plumbline.ledger.index;
