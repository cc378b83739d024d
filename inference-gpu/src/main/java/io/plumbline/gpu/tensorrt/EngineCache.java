package io.plumbline.gpu.tensorrt;

import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.tensor.Precision;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;

/**
 * Built engines and timings on disk. An engine is good for one model, one version of TensorRT, one kind of GPU, one
 * precision and one profile of shapes; timings are good for a version and a kind of GPU. A file that is not what it
 * was written as is built again.
 */
final class EngineCache {
    private final Path folder;

    EngineCache(Path folder) {
        this.folder = folder;
    }

    /** Where engines are kept: PLUMBLINE_ENGINES, or a folder of the user's. */
    static EngineCache usual() {
        String named = System.getProperty("plumbline.engines", System.getenv("PLUMBLINE_ENGINES"));
        return new EngineCache(
                named != null && !named.isEmpty()
                        ? Path.of(named)
                        : Path.of(System.getProperty("user.home"), ".plumbline", "engines"));
    }

    /** One text for what an engine is good for. */
    static String key(Bytes32 modelId, String version, String gpu, Precision precision, ShapeRanges shapes) {
        String what = String.join(
                "\n", modelId.toString(), version, gpu, precision.toString(), String.join("\n", shapes.texts()));
        return Blake3.hex(Blake3.hash(what.getBytes(StandardCharsets.UTF_8))) + ".plan";
    }

    /** One text for what timings are good for. */
    static String timings(String version, String gpu) {
        String what = version + "\n" + gpu;
        return Blake3.hex(Blake3.hash(what.getBytes(StandardCharsets.UTF_8))) + ".timing";
    }

    /** What was kept under a name, or null where there is nothing, or it is damaged. */
    byte[] find(String name) throws IOException {
        Path file = folder.resolve(name);
        if (!Files.isRegularFile(file)) {
            return null;
        }
        byte[] kept = Files.readAllBytes(file);
        int from = Blake3.HASH_BYTES;
        if (kept.length < from) {
            return null;
        }
        byte[] content = Arrays.copyOfRange(kept, from, kept.length);
        return Arrays.equals(Blake3.hash(content), Arrays.copyOf(kept, from)) ? content : null;
    }

    /** Keeps something under a name, whole or not at all. */
    void keep(String name, byte[] content) throws IOException {
        Files.createDirectories(folder);
        Path partial = Files.createTempFile(folder, ".engine-", "");
        byte[] kept = Arrays.copyOf(Blake3.hash(content), Blake3.HASH_BYTES + content.length);
        System.arraycopy(content, 0, kept, Blake3.HASH_BYTES, content.length);
        try {
            Files.write(partial, kept);
            Files.move(
                    partial, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(partial);
        }
    }
}
