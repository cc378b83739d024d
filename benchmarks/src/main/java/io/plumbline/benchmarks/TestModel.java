package io.plumbline.benchmarks;

import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.verifier.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;

/**
 * An ONNX model to measure tolerance on.
 *
 * @param real inputs.
 * @param smaller another model with the same inputs and outputs, to put in its place; null where there is none.
 */
record TestModel(String name, TensorPackage model, ShapeRanges shapes, List<List<Tensor>> real, Path smaller) {}
