/**
 * An imported model as it is kept and loaded: manifest, configuration and mapped integer weights. Entry: {@link
 * io.plumbline.inference.language.model.LoadedModel}.
 */
package io.plumbline.inference.language.model;
