/**
 * From a checkpoint to the exact int8 form, streamed. Entry: {@link
 * io.plumbline.inference.language.importer.ModelImport}.
 */
package io.plumbline.inference.language.importer;
