package com.github.tjake.jlama.model;

import com.github.tjake.jlama.safetensors.DType;
import com.github.tjake.jlama.tensor.AbstractTensor;
import com.github.tjake.jlama.tensor.KvBufferCache;
import com.github.tjake.jlama.safetensors.SafeTensorSupport;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Measures Jlama with its quickest weights, Q4 blocks of half our bytes: FOLDER THREADS PROMPT OUTPUT. In its
 * package, for the forward pass is not public.
 */
public final class JlamaBench {
    public static void main(String[] a) throws Exception {
        int prompt = Integer.parseInt(a[2]);
        int output = Integer.parseInt(a[3]);
        Path folder = Path.of(a[0]);
        Path quantized = folder.resolveSibling("jlama-q4");
        if (!Files.exists(quantized)) {
            if (!Files.exists(folder.resolve("README.md"))) {
                Files.writeString(folder.resolve("README.md"), "Random weights.\n");
            }
            SafeTensorSupport.quantizeModel(folder, DType.Q4, new String[0], new String[0], Optional.of(quantized));
        }
        AbstractModel model = ModelSupport.loadModel(
                quantized.toFile(), null, DType.F32, DType.I8, Optional.empty(), Optional.of(Integer.parseInt(a[1])));
        int[] tokens = new int[prompt];
        for (int i = 0; i < prompt; i++) {
            tokens[i] = 300 + i * 7919 % 20000;
        }
        AbstractTensor logits = model.makeDenseTensor(model.getConfig().vocabularySize);
        double prefill = 0;
        double decode = 0;
        for (int round = 0; round < 3; round++) {
            try (KvBufferCache.KvBuffer cache = model.kvBufferCache.getEphemeralKvBuffer()) {
                long begin = System.nanoTime();
                model.batchForward(tokens, 0, cache).close();
                prefill = Math.max(prefill, prompt / ((System.nanoTime() - begin) / 1e9));
            }
            try (KvBufferCache.KvBuffer cache = model.kvBufferCache.getEphemeralKvBuffer()) {
                model.batchForward(java.util.Arrays.copyOf(tokens, 32), 0, cache).close();
                long begin = System.nanoTime();
                for (int t = 32; t < 32 + output; t++) {
                    try (AbstractTensor out = model.forward(tokens[t], t, cache)) {
                        model.sample(out, 0f, 0f, logits);
                    }
                }
                decode = Math.max(decode, output / ((System.nanoTime() - begin) / 1e9));
            }
        }
        System.out.println("{\"prefill\": " + prefill + ", \"decode\": " + decode + "}");
        System.exit(0);
    }
}
