/** The numeric contract in plain Java: integer and IEEE operations in a fixed order. */
package io.plumbline.verifier.numerics;
