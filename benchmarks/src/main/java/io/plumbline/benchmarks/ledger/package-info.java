/** Load on a ledger of full nodes, and on a bare Aeron Cluster beside it. */
package io.plumbline.benchmarks.ledger;
