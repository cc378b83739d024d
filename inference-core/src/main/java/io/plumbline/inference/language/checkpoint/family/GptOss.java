package io.plumbline.inference.language.checkpoint.family;

import io.plumbline.verifier.model.Experts;
import io.plumbline.verifier.model.ModelConfig;
import java.io.IOException;
import java.util.List;
import java.util.function.IntUnaryOperator;

/**
 * gpt-oss: mixtures of experts with biases and clamped gates, a sink in each head, a window in every other layer.
 * Experts stand together in one tensor, in MXFP4 as published, or transposed as others convert them; gate and up take
 * turns in its rows.
 */
final class GptOss implements Family {
    @Override
    public List<String> architectures() {
        return List.of("GptOssForCausalLM");
    }

    @Override
    public Description read(String architecture, ConfigFields fields) throws IOException {
        Decoder decoder = new Decoder(fields, new Decoder.Defaults(201_088, 64, 8, 64, 131_072, 150_000, 1e-5));
        decoder.qkvBias = fields.flag("attention_bias", true);
        decoder.architecture.outBias(decoder.qkvBias).sinks(true);
        decoder.windows(fields.window(128), l -> l % 2 == 0);
        decoder.clampGate(fields.number("swiglu_limit", 7));
        decoder.architecture.experts(new Experts(
                fields.size("num_local_experts", 128),
                fields.size("num_experts_per_tok", fields.size("experts_per_token", 4)),
                decoder.mlp,
                0,
                Experts.Scoring.SOFTMAX,
                false,
                true,
                1,
                0,
                true));
        ModelConfig model = decoder.config();
        return new Description(model, new GptOssPlaces(model, fields.isMxfp4()));
    }

    /** @param isPacked whether experts' matrices are in MXFP4. */
    private record GptOssPlaces(ModelConfig model, boolean isPacked) implements Places {
        @Override
        public TensorPlace of(String name) {
            LayerTensor tensor = LayerTensor.of(name);
            if (tensor == null) {
                return TensorPlace.of(name);
            }
            Experts experts = model.architecture().experts();
            return switch (tensor.part()) {
                case "mlp.gate" -> tensor.named("mlp.router");
                case "mlp.experts.gate_up_proj" ->
                    experts(tensor, 2 * experts.mlp()).ordered(turns(experts.mlp()));
                case "mlp.experts.down_proj" -> experts(tensor, model.hidden());
                default -> TensorPlace.of(name);
            };
        }

        /** All experts' matrices, or biases, of {@code rows} rows each. */
        private TensorPlace experts(LayerTensor tensor, int rows) {
            int count = model.architecture().experts().count();
            String name = tensor.layer() + tensor.part();
            if (tensor.kind().equals("bias")) {
                return TensorPlace.of(name + "_bias").part(0, count * rows).stored(TensorPlace.Storage.ROWS, count);
            }
            return TensorPlace.of(name)
                    .stored(isPacked ? TensorPlace.Storage.MXFP4 : TensorPlace.Storage.TRANSPOSED, count);
        }

        /** The row there of each row here: an expert's gate rows are the even ones there, its up rows the odd. */
        private static IntUnaryOperator turns(int mlp) {
            return r -> {
                int i = r % (2 * mlp);
                return r - i + (i < mlp ? 2 * i : 2 * (i - mlp) + 1);
            };
        }
    }
}
