/**
 * The data node: blobs over HTTP from a store of this host. Enters by {@link io.plumbline.node.data.DataNode}. Imports
 * the data module, {@code http}, {@code tenant} and {@code network}.
 */
package io.plumbline.node.data;
