package io.plumbline.hardware.tensorrt;

import static org.bytedeco.tensorrt.global.nvinfer.createInferBuilder;
import static org.bytedeco.tensorrt.global.nvonnxparser.createParser;

import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.TensorSpec;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.tensorrt.global.nvinfer.BuilderFlag;
import org.bytedeco.tensorrt.global.nvinfer.OptProfileSelector;
import org.bytedeco.tensorrt.nvinfer.Dims64;
import org.bytedeco.tensorrt.nvinfer.IBuilder;
import org.bytedeco.tensorrt.nvinfer.IBuilderConfig;
import org.bytedeco.tensorrt.nvinfer.IHostMemory;
import org.bytedeco.tensorrt.nvinfer.INetworkDefinition;
import org.bytedeco.tensorrt.nvinfer.IOptimizationProfile;
import org.bytedeco.tensorrt.nvinfer.ITimingCache;
import org.bytedeco.tensorrt.nvonnxparser.IParser;
import org.bytedeco.tensorrt.nvonnxparser.IParserError;

/** Builds an engine of an ONNX model: minutes for a large one, which the cache of timings shortens the next time. */
final class EngineBuild {
    /** Errors of the parser that are told. */
    private static final int TOLD = 5;

    private final TensorPackage model;
    private final Precision precision;
    private final ShapeRanges shapes;
    private final TensorRtLog log;

    EngineBuild(TensorPackage model, Precision precision, ShapeRanges shapes, TensorRtLog log) {
        this.model = model;
        this.precision = precision;
        this.shapes = shapes;
        this.log = log;
    }

    /**
     * The serialized engine.
     *
     * @param cache keeps timings, under {@code timings}.
     * @throws IOException naming the nodes that TensorRT does not take.
     */
    byte[] run(EngineCache cache, String timings) throws IOException {
        IBuilder builder = present(createInferBuilder(log), "a builder");
        // Shapes with a batch among them are the only kind that version 10 has.
        INetworkDefinition network = present(builder.createNetworkV2(0), "a network");
        parse(network);
        IBuilderConfig config = present(builder.createBuilderConfig(), "a configuration");
        choose(builder, config);
        IOptimizationProfile profile = present(builder.createOptimizationProfile(), "a profile");
        declare(profile);
        if (config.addOptimizationProfile(profile) < 0) {
            throw new IOException(
                    "TensorRT does not take the declared shapes " + shapes.texts() + ". " + log.complaints());
        }
        byte[] known = cache.find(timings);
        ITimingCache timing = known == null
                ? config.createTimingCache(new BytePointer(), 0)
                : config.createTimingCache(new BytePointer(known), known.length);
        config.setTimingCache(present(timing, "a cache of timings"), false);
        IHostMemory built = builder.buildSerializedNetwork(network, config);
        if (!TensorRt.isThere(built)) {
            throw new IOException("TensorRT cannot build " + model.name() + " in " + precision + " for "
                    + shapes.texts() + ". " + log.complaints());
        }
        cache.keep(timings, bytes(timing.serialize()));
        return bytes(built);
    }

    private <T extends Pointer> T present(T made, String what) throws IOException {
        if (!TensorRt.isThere(made)) {
            throw new IOException("TensorRT does not give " + what + ". " + log.complaints());
        }
        return made;
    }

    static byte[] bytes(IHostMemory memory) {
        byte[] bytes = new byte[Math.toIntExact(memory.size())];
        new BytePointer(memory.data()).capacity(memory.size()).get(bytes);
        return bytes;
    }

    private void parse(INetworkDefinition network) throws IOException {
        IParser parser = present(createParser(network, log), "a parser");
        // From the file, so that weights beside it are found. Warnings are what it may complain of.
        if (parser.parseFromFile(model.file().toString(), 2)) {
            return;
        }
        List<String> errors = new ArrayList<>();
        for (int i = 0; i < parser.getNbErrors() && i < TOLD; i++) {
            IParserError error = parser.getError(i);
            errors.add(
                    error.node() < 0
                            ? error.desc()
                            : "node " + error.node() + " \"" + error.nodeName() + "\" (" + error.nodeOperator() + "): "
                                    + error.desc());
        }
        int more = parser.getNbErrors() - errors.size();
        throw new IOException("TensorRT does not take " + model.name() + ": " + String.join("; ", errors)
                + (more > 0 ? "; and " + more + " more" : "")
                + ". Serve it on ONNX Runtime (--backend onnxruntime), or replace these operators in the model.");
    }

    /**
     * The precision that is declared, and no other: what TensorRT would choose by itself is not what a receipt says. The flags are deprecated
     * in favour of models that are exported in the precision wanted; they are the only way to serve one model in several.
     */
    @SuppressWarnings("deprecation")
    private void choose(IBuilder builder, IBuilderConfig config) throws IOException {
        config.clearFlag(BuilderFlag.kTF32);
        switch (precision) {
            case FP32 -> {
                // What is left.
            }
            case TF32 -> config.setFlag(BuilderFlag.kTF32);
            case FP16 -> config.setFlag(BuilderFlag.kFP16);
            case INT8 -> {
                if (model.precision() != Precision.INT8) {
                    throw new IOException(model.name() + " is not quantized. Export it with QuantizeLinear and"
                            + " DequantizeLinear, or serve it in " + model.precision() + ".");
                }
                config.setFlag(BuilderFlag.kINT8);
            }
        }
        if (precision == Precision.TF32 && !builder.platformHasTf32()) {
            throw new IOException("This GPU has no tf32. Choose fp32 or fp16.");
        }
    }

    private void declare(IOptimizationProfile profile) throws IOException {
        for (TensorSpec input : model.manifest().inputs()) {
            boolean isSet =
                    profile.setDimensions(input.name(), OptProfileSelector.kMIN, dims(input, ShapeRanges.Range::least))
                            && profile.setDimensions(
                                    input.name(), OptProfileSelector.kOPT, dims(input, ShapeRanges.Range::usual))
                            && profile.setDimensions(
                                    input.name(), OptProfileSelector.kMAX, dims(input, ShapeRanges.Range::most));
            if (!isSet) {
                throw new IOException("TensorRT does not take the declared shapes of input \"" + input.name() + "\": "
                        + shapes.texts() + ". " + log.complaints());
            }
        }
    }

    private Dims64 dims(TensorSpec input, ToLongFunction<ShapeRanges.Range> which) {
        List<String> dimensions = input.dimensions();
        Dims64 dims = new Dims64().nbDims(dimensions.size());
        for (int i = 0; i < dimensions.size(); i++) {
            dims.d(i, which.applyAsLong(shapes.of(dimensions.get(i))));
        }
        return dims;
    }
}
