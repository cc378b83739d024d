/** The host: native libraries, how they are loaded, folders that are removed. */
package io.plumbline.verifier.platform;
