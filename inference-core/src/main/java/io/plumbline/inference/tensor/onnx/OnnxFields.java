package io.plumbline.inference.tensor.onnx;

/** Field numbers of onnx.proto3, of the messages that are read or rewritten here. */
final class OnnxFields {
    static final int MODEL_GRAPH = 7;
    static final int MODEL_OPSET = 8;
    static final int MODEL_TRAINING = 20;
    static final int MODEL_FUNCTION = 25;
    static final int TRAINING_INITIALIZATION = 1;
    static final int TRAINING_ALGORITHM = 2;
    static final int OPSET_DOMAIN = 1;
    static final int OPSET_VERSION = 2;
    static final int FUNCTION_NAME = 1;
    static final int FUNCTION_NODE = 7;
    static final int FUNCTION_DOMAIN = 10;
    static final int FUNCTION_ATTRIBUTE = 11;
    static final int FUNCTION_OVERLOAD = 13;
    static final int GRAPH_NODE = 1;
    static final int GRAPH_INITIALIZER = 5;
    static final int GRAPH_INPUT = 11;
    static final int GRAPH_OUTPUT = 12;
    static final int GRAPH_SPARSE_INITIALIZER = 15;
    static final int SPARSE_VALUES = 1;
    static final int SPARSE_INDICES = 2;
    static final int NODE_INPUT = 1;
    static final int NODE_OUTPUT = 2;
    static final int NODE_NAME = 3;
    static final int NODE_OPERATOR = 4;
    static final int NODE_ATTRIBUTE = 5;
    static final int NODE_DOMAIN = 7;
    static final int NODE_OVERLOAD = 8;
    static final int ATTRIBUTE_NAME = 1;
    static final int ATTRIBUTE_INT = 3;
    static final int ATTRIBUTE_TENSOR = 5;
    static final int ATTRIBUTE_GRAPH = 6;
    static final int ATTRIBUTE_TENSORS = 10;
    static final int ATTRIBUTE_GRAPHS = 11;
    static final int ATTRIBUTE_TYPE = 20;
    static final int ATTRIBUTE_SPARSE_TENSOR = 22;
    static final int ATTRIBUTE_SPARSE_TENSORS = 23;
    static final int TENSOR_DIMENSION = 1;
    static final int TENSOR_TYPE = 2;
    static final int TENSOR_FLOATS = 4;
    static final int TENSOR_INTS = 5;
    static final int TENSOR_NAME = 8;
    static final int TENSOR_RAW = 9;
    static final int TENSOR_EXTERNAL = 13;
    static final int TENSOR_LOCATION = 14;
    static final int ENTRY_KEY = 1;
    static final int ENTRY_VALUE = 2;
    static final int VALUE_NAME = 1;
    static final int VALUE_TYPE = 2;
    static final int TYPE_TENSOR = 1;
    static final int TENSOR_TYPE_SHAPE = 2;
    static final int SHAPE_DIMENSION = 1;
    static final int SHAPE_SIZE = 1;
    static final int SHAPE_NAME = 2;

    /** {@code AttributeProto.AttributeType} of a number and of a tensor. */
    static final int ATTRIBUTE_TYPE_INT = 2;

    static final int ATTRIBUTE_TYPE_TENSOR = 4;

    /** {@code TensorProto.DataLocation}. */
    static final int LOCATION_EXTERNAL = 1;

    private OnnxFields() {}
}
