package io.plumbline.gpu.tensorrt;

import static org.bytedeco.tensorrt.global.nvinfer.createInferBuilder;
import static org.bytedeco.tensorrt.global.nvonnxparser.createParser;

import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.TensorSpec;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleConsumer;
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

    /** Objects that a build makes and frees, and which of them is the parser. */
    private static final int TO_FREE = 7;

    private static final int PARSER = 2;

    /** {@code Dims::MAX_DIMS}: beyond it the binding would write into other memory. */
    private static final int MAX_DIMENSIONS = 8;

    private final TensorPackage model;
    private final Precision precision;
    private final ShapeRanges shapes;
    private final TensorRtLog log;
    private final DoubleConsumer progress;

    /** @param progress told the share that is done, 0 to 1, by TensorRT's threads. */
    EngineBuild(
            TensorPackage model, Precision precision, ShapeRanges shapes, TensorRtLog log, DoubleConsumer progress) {
        this.progress = progress;
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
        Pointer[] made = new Pointer[TO_FREE];
        try (BuildProgress monitor = new BuildProgress(progress)) {
            try {
                return run(cache, timings, monitor, made);
            } finally {
                // What is made of another is freed before it.
                for (int i = made.length - 1; i >= 0; i--) {
                    CppObjects.delete(made[i], i == PARSER ? CppObjects.PARSER : CppObjects.FIRST);
                }
            }
        }
    }

    private byte[] run(EngineCache cache, String timings, BuildProgress monitor, Pointer[] made) throws IOException {
        IBuilder builder = present(createInferBuilder(log), "a builder");
        made[0] = builder;
        // Shapes with a batch among them are the only kind that version 10 has.
        INetworkDefinition network = present(builder.createNetworkV2(0), "a network");
        made[1] = network;
        IParser parser = present(createParser(network, log), "a parser");
        made[PARSER] = parser;
        parse(parser);
        IBuilderConfig config = present(builder.createBuilderConfig(), "a configuration");
        made[3] = config;
        config.setProgressMonitor(monitor.monitor());
        choose(builder, config);
        // It belongs to the builder.
        IOptimizationProfile profile = present(builder.createOptimizationProfile(), "a profile");
        declare(profile);
        if (config.addOptimizationProfile(profile) < 0) {
            throw new IOException(
                    "TensorRT does not take the declared shapes " + shapes.texts() + ". " + log.complaints());
        }
        byte[] known = cache.find(timings);
        ITimingCache timing = present(
                known == null
                        ? config.createTimingCache(new BytePointer(), 0)
                        : config.createTimingCache(new BytePointer(known), known.length),
                "a cache of timings");
        made[4] = timing;
        config.setTimingCache(timing, false);
        IHostMemory built = builder.buildSerializedNetwork(network, config);
        if (!TensorRt.isThere(built)) {
            throw new IOException("TensorRT cannot build " + model.name() + " in " + precision + " for "
                    + shapes.texts() + ". " + log.complaints());
        }
        made[5] = built;
        IHostMemory timed = present(timing.serialize(), "its timings");
        made[6] = timed;
        cache.keep(timings, bytes(timed));
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

    private void parse(IParser parser) throws IOException {
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
     * The precision that is declared, and no other: what TensorRT would choose by itself is not what a receipt says.
     * The flags are deprecated in favour of models that are exported in the precision wanted; they are the only way
     * to serve one model in several.
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
            if (input.dimensions().size() > MAX_DIMENSIONS) {
                throw new IOException("TensorRT takes tensors of at most " + MAX_DIMENSIONS + " dimensions, and input "
                        + input + " has " + input.dimensions().size() + ". Serve the model on ONNX Runtime.");
            }
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
