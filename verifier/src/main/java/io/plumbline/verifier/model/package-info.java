/** What is checked against: manifests, shapes and the verifier key of a model. */
package io.plumbline.verifier.model;
