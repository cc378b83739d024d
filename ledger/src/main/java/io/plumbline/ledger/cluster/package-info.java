/**
 * The ledger as an Aeron Cluster: members and their logs, ingresses for clients and sessions of full nodes, votes on
 * blocks, snapshots and copies for members that lost their disks.
 */
package io.plumbline.ledger.cluster;
