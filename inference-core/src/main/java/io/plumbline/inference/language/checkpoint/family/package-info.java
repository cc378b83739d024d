/** Families of models: what each one's config.json and tensors are in this project's model description, a file each. */
package io.plumbline.inference.language.checkpoint.family;
