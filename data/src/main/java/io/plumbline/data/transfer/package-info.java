/**
 * Blobs between hosts: fetched in ranges from several data nodes at once and sent in ranges, each proven by the blob's
 * id as it arrives. Enters by {@link io.plumbline.data.transfer.Download} and {@link
 * io.plumbline.data.transfer.Upload}. Imports the store and the JDK's HTTP client.
 */
package io.plumbline.data.transfer;
