/** Models as they are kept and as they are imported: configuration, folders, manifests and weights. */
package io.plumbline.inference.model;
