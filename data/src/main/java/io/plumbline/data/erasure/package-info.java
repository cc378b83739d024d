/**
 * Redundancy below that of whole copies: a blob as k shards and some more, of which any k give it back. Enters by
 * {@link io.plumbline.data.erasure.StripedBlob}. Imports the store and the transfer of blobs.
 */
package io.plumbline.data.erasure;
