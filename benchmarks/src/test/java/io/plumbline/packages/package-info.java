/** Tests of packages, which need all modules built. */
package io.plumbline.packages;
