/** The host: native libraries, how they are loaded, folders that are removed, files with secrets. */
package io.plumbline.verifier.platform;
