package io.plumbline.inference.tensor.onnx;

import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Which operators TensorRT 10 takes from ONNX, after the table that its parser publishes. The parser itself has the
 * last word where it is installed; this says on any host, before anything is served, what it will not take.
 */
public final class TensorRtOperators {
    private static final Set<String> TAKEN = Set.of(
            ("Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization BlackmanWindow Cast CastLike"
                            + " Ceil Celu Clip Concat Constant ConstantOfShape Conv ConvTranspose Cos Cosh CumSum DeformConv"
                            + " DepthToSpace DequantizeLinear Div Dropout Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor"
                            + " GRU Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater"
                            + " GreaterOrEqual GridSample GroupNormalization HammingWindow HannWindow HardSigmoid HardSwish Hardmax"
                            + " Identity If ImageScaler InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less"
                            + " LessOrEqual Log LogSoftmax Loop LpNormalization LpPool MatMul Max MaxPool Mean"
                            + " MeanVarianceNormalization Min Mish Mod Mul Neg NonMaxSuppression NonZero Not OneHot Or PRelu Pad"
                            + " ParametricSoftplus Pow QuantizeLinear RNN RandomNormal RandomNormalLike RandomUniform"
                            + " RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax"
                            + " ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize ReverseSequence"
                            + " RoiAlign Round STFT ScaledTanh Scan Scatter ScatterElements ScatterND Selu Shape Shrink Sigmoid Sign"
                            + " Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Swish Tan Tanh"
                            + " ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Upsample Where Xor")
                    .split(" "));

    private TensorRtOperators() {}

    /** The model's operators that TensorRT does not take; none when it can be built. */
    public static SortedSet<String> missing(OnnxModel model) {
        SortedSet<String> missing = new TreeSet<>(model.operators().keySet());
        missing.removeAll(TAKEN);
        return missing;
    }
}
