/**
 * Facts from outside: declared sources, fetched without reaching into a private network, and the number that a declared
 * place of what came holds. Enters by {@link io.plumbline.data.feed.SourcePolicy} and {@link
 * io.plumbline.data.feed.SourceFetch}. Imports the JDK, Jackson and the verifier's hashing.
 */
package io.plumbline.data.feed;
