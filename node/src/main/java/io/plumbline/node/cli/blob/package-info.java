/** {@code plumbline blob}: files by their hash, in a store of this host or at data nodes. */
package io.plumbline.node.cli.blob;
