package io.plumbline.node.cli.model;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.TensorBackend;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.onnx.TensorRtOperators;
import io.plumbline.node.network.Terminal;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.tensor.TensorSpec;
import io.plumbline.verifier.tolerant.Bounds;
import java.io.IOException;
import java.util.List;
import java.util.SortedSet;

/** What an imported ONNX model is, for a person and for a program. */
final class TensorDescription {
    private TensorDescription() {}

    static ObjectNode json(TensorPackage model) throws IOException {
        ObjectNode json = new ObjectMapper()
                .createObjectNode()
                .put("id", model.manifest().id().toString())
                .put("folder", model.folder().toString())
                .put("precision", model.precision().toString());
        ObjectNode opsets = json.putObject("opsets");
        model.manifest().opsets().forEach(opsets::put);
        specs(json.putArray("inputs"), model.manifest().inputs());
        specs(json.putArray("outputs"), model.manifest().outputs());
        String batch = model.manifest().batchDimension();
        json.put("batch_dimension", batch);
        ArrayNode missing = json.putArray("not_on_tensorrt");
        TensorRtOperators.missing(model.onnx()).forEach(missing::add);
        return json;
    }

    private static void specs(ArrayNode into, List<TensorSpec> specs) {
        for (TensorSpec spec : specs) {
            ObjectNode json = into.addObject()
                    .put("name", spec.name())
                    .put("datatype", spec.type().name());
            ArrayNode shape = json.putArray("shape");
            for (long size : spec.shape()) {
                shape.add(size);
            }
            ArrayNode dimensions = json.putArray("dimensions");
            spec.dimensions().forEach(dimensions::add);
        }
    }

    static void print(TensorPackage model) throws IOException {
        Terminal.print("folder   " + model.folder());
        Terminal.print("opsets   " + model.manifest().opsets());
        model.manifest().inputs().forEach(input -> Terminal.print("input    " + input));
        model.manifest().outputs().forEach(output -> Terminal.print("output   " + output));
        String batch = model.manifest().batchDimension();
        Terminal.print("batches  " + (batch == null ? "none: each request is run alone" : "along \"" + batch + "\""));
        Terminal.print("computes " + model.precision() + ", "
                + model.onnx().operators().size() + " operators");
        for (TensorBackend backend : TensorBackend.all()) {
            String why = backend.absence();
            Terminal.print("here     " + (why == null ? backend.name() : "no " + backend.name() + ": " + why));
        }
        SortedSet<String> missing = TensorRtOperators.missing(model.onnx());
        Terminal.print("TensorRT "
                + (missing.isEmpty()
                        ? "takes all of them"
                        : "does not take " + String.join(", ", missing)
                                + ": serve it on ONNX Runtime, or replace them in the model"));
        ShapeRanges declared = model.shapes();
        List<String> undeclared = declared.undeclared(model.manifest());
        Terminal.print("sizes    " + (declared.byName().isEmpty() ? "" : String.join(", ", declared.texts()) + "; ")
                + (undeclared.isEmpty()
                        ? "all declared"
                        : String.join(", ", undeclared)
                                + " not declared: plumbline model calibrate --shape NAME=SIZE"));
        Bounds bounds = model.bounds();
        Terminal.print("bounds   "
                + (bounds == null
                        ? "none yet: plumbline model calibrate " + model.folder()
                        : Blake3.hex(bounds.hash()) + " for " + bounds.outputs().keySet()));
    }
}
