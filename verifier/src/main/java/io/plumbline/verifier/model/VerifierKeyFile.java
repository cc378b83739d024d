package io.plumbline.verifier.model;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.freivalds.MatrixKey;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.function.DoubleConsumer;

/**
 * A {@link VerifierKey} on disk, readable by its owner alone: sections of a kind, a length, a payload, and the BLAKE3
 * hash of the section before, kind, length and payload. Sections are the manifest, the token files, the small
 * tensors, one for each layer, the output matrix, and an end of no bytes.
 *
 * <p>A key is made in {@code FILE.partial}, section by section, and gets its name when it is whole. What an
 * interrupted run has finished is kept.
 */
public final class VerifierKeyFile {
    private static final byte[] MAGIC = "plumbline verifier key 2\n".getBytes(StandardCharsets.US_ASCII);
    private static final int MANIFEST = 1;
    private static final int SMALL = 2;
    private static final int LAYER = 3;
    private static final int OUTPUT = 4;
    private static final int END = 5;
    private static final int TOKEN_FILES = 6;
    private static final int HEAD_BYTES = 4 + 8;

    /** No section of a model that can be run is larger. */
    private static final long MAX_SECTION_BYTES = 1L << 30;

    private final Path path;
    private final Manifest wanted;
    private byte[] last = Blake3.hash(MAGIC);

    /** End of the last whole section, in bytes. */
    private long end;

    private Manifest manifest;
    private TokenFiles tokenFiles;
    private SmallTensors small;
    private final List<List<MatrixKey>> layers = new ArrayList<>();
    private MatrixKey output;
    private boolean isWhole;

    private VerifierKeyFile(Path path, Manifest wanted) {
        this.path = path;
        this.wanted = wanted;
    }

    /**
     * The model that a key is of, by its beginning alone.
     *
     * @throws IOException where it does not begin as a key does.
     */
    public static Bytes32 modelId(Path path) throws IOException {
        VerifierKeyFile file = new VerifierKeyFile(path, null);
        try (FileChannel in = FileChannel.open(path, StandardOpenOption.READ)) {
            file.read(in, () -> file.manifest != null);
        } catch (MalformedException | IllegalArgumentException e) {
            throw file.damaged(e.getMessage());
        }
        if (file.manifest == null) {
            throw file.damaged("it has no manifest");
        }
        return file.manifest.id();
    }

    /** Reads a whole key, every byte checked; a file that others could read is refused. */
    public static VerifierKey read(Path path) throws IOException {
        if (!Files.isReadable(path)) {
            throw new IOException(path + " does not exist or cannot be read. Make it: plumbline model key DIR FILE.");
        }
        requirePrivate(path);
        VerifierKeyFile file = new VerifierKeyFile(path, null);
        try (FileChannel in = FileChannel.open(path, StandardOpenOption.READ)) {
            file.read(in, () -> file.isWhole);
            if (!file.isWhole || in.size() != file.end) {
                throw file.damaged("what follows byte " + file.end + " is cut short or not what was written");
            }
        } catch (MalformedException | IllegalArgumentException e) {
            throw file.damaged(e.getMessage());
        }
        return file.key();
    }

    /**
     * Reads the key at {@code path}, or makes it there; an interrupted run goes on where it stopped.
     *
     * @param tokenFiles of the manifest.
     * @param progress told the share done, 0 to 1.
     * @throws IOException when a tensor is not the manifest's, or the file there is of another model.
     */
    public static VerifierKey readOrMake(
            Path path, Manifest manifest, TensorSource source, TokenFiles tokenFiles, DoubleConsumer progress)
            throws IOException {
        if (Files.exists(path)) {
            VerifierKey key = read(path);
            if (!key.modelId().equals(manifest.id())) {
                throw new IOException(path + " is the key of model " + key.modelId() + ", not of " + manifest.id()
                        + ". Name another file, or remove this one.");
            }
            progress.accept(1);
            return key;
        }
        Path partial = path.resolveSibling(path.getFileName() + ".partial");
        if (path.toAbsolutePath().getParent() != null) {
            Files.createDirectories(path.toAbsolutePath().getParent());
        }
        if (!Files.exists(partial)) {
            Files.createFile(
                    partial, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        }
        requirePrivate(partial);
        VerifierKeyFile file = new VerifierKeyFile(partial, manifest);
        try (FileChannel out = FileChannel.open(partial, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            if (out.tryLock() == null) {
                throw new IOException("Another process is making " + partial + ". Wait for it.");
            }
            file.resume(out);
            file.finish(out, new KeyMaker(manifest, source, tokenFiles), tokenFiles, progress);
        }
        Files.move(partial, path, StandardCopyOption.ATOMIC_MOVE);
        return file.key();
    }

    private static void requirePrivate(Path path) throws IOException {
        Set<PosixFilePermission> granted = Files.getPosixFilePermissions(path);
        if (!Set.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE)
                .containsAll(granted)) {
            throw new IOException(path + " is open to others (" + PosixFilePermissions.toString(granted)
                    + "). A verifier key is a secret: chmod 600 it if nobody can have read it, else remove it and make"
                    + " another.");
        }
    }

    private IOException damaged(String why) {
        return new IOException(
                path + ": " + why
                        + ". The file is damaged or not a verifier key; remove it and make it again: plumbline model key DIR FILE.");
    }

    private VerifierKey key() {
        return new VerifierKey(tokenFiles, small, layers, output);
    }

    /** Takes what an interrupted run finished; anything after it is cut off. */
    private void resume(FileChannel file) throws IOException {
        try {
            read(file, () -> isWhole);
        } catch (MalformedException | IllegalArgumentException e) {
            throw damaged(e.getMessage());
        }
        if (manifest != null && !manifest.id().equals(wanted.id())) {
            throw new IOException(
                    path + " was begun for model " + manifest.id() + ". Remove it, or name another file.");
        }
        file.truncate(end);
        file.position(end);
        if (end == 0) {
            file.write(ByteBuffer.wrap(MAGIC));
        }
    }

    private void finish(FileChannel file, KeyMaker maker, TokenFiles files, DoubleConsumer progress)
            throws IOException {
        if (manifest == null) {
            manifest = wanted;
            append(file, MANIFEST, manifest.text().getBytes(StandardCharsets.UTF_8));
        }
        if (tokenFiles == null) {
            tokenFiles = files;
            append(file, TOKEN_FILES, named(files.bytes()));
        }
        if (small == null) {
            small = maker.small();
            append(file, SMALL, named(small.bytes()));
        }
        int count = manifest.config().layers();
        while (layers.size() < count) {
            progress.accept((layers.size() + 0.0) / (count + 1));
            List<MatrixKey> keys = maker.layer(layers.size());
            append(file, LAYER, encode(keys));
            layers.add(keys);
        }
        if (output == null) {
            progress.accept(count / (count + 1.0));
            output = maker.output();
            append(file, OUTPUT, encode(List.of(output)));
        }
        append(file, END, new byte[0]);
        file.force(true);
        progress.accept(1);
    }

    private static byte[] named(SortedMap<String, byte[]> parts) {
        CanonicalWriter out = new CanonicalWriter();
        parts.forEach((name, bytes) -> out.putText(name).putBytes(bytes));
        return out.toBytes();
    }

    private static byte[] encode(List<MatrixKey> keys) {
        ByteBuffer out = ByteBuffer.allocate(Math.toIntExact(
                        keys.stream().mapToLong(MatrixKey::bytes).sum()))
                .order(ByteOrder.LITTLE_ENDIAN);
        keys.forEach(key -> key.write(out));
        return out.array();
    }

    private void append(FileChannel file, int kind, byte[] payload) throws IOException {
        byte[] head = head(kind, payload.length);
        last = Blake3.plain().update(last).update(head).update(payload).digest();
        for (byte[] part : List.of(head, payload, last)) {
            ByteBuffer buffer = ByteBuffer.wrap(part);
            while (buffer.hasRemaining()) {
                file.write(buffer);
            }
        }
    }

    private static byte[] head(int kind, long length) {
        return new CanonicalWriter().putInt(kind).putLong(length).toBytes();
    }

    /** Reads whole sections until one is not, or it has enough. */
    private void read(FileChannel file, BooleanSupplier isEnough) throws IOException {
        byte[] magic = bytes(file, MAGIC.length);
        if (magic == null) {
            return;
        }
        if (!Arrays.equals(magic, MAGIC)) {
            throw new MalformedException("it does not begin with \"plumbline verifier key 2\"");
        }
        end = MAGIC.length;
        while (!isEnough.getAsBoolean()) {
            byte[] head = bytes(file, HEAD_BYTES);
            if (head == null) {
                return;
            }
            CanonicalReader in = new CanonicalReader(head, "section");
            int kind = in.getInt("kind");
            long length = in.getLong("length");
            if (length < 0 || length > MAX_SECTION_BYTES) {
                return;
            }
            byte[] payload = bytes(file, length);
            byte[] hash = bytes(file, Blake3.HASH_BYTES);
            if (payload == null || hash == null) {
                return;
            }
            byte[] expected =
                    Blake3.plain().update(last).update(head).update(payload).digest();
            if (!Arrays.equals(hash, expected)) {
                return;
            }
            take(kind, payload);
            last = hash;
            end = file.position();
        }
    }

    /** The next bytes, or null where the file has fewer. */
    private static byte[] bytes(FileChannel file, long count) throws IOException {
        if (count > file.size() - file.position()) {
            return null;
        }
        ByteBuffer buffer = ByteBuffer.allocate(Math.toIntExact(count));
        while (buffer.hasRemaining() && file.read(buffer) >= 0) {
            Thread.onSpinWait();
        }
        return buffer.hasRemaining() ? null : buffer.array();
    }

    private void take(int kind, byte[] payload) {
        switch (kind) {
            case MANIFEST -> manifest = Manifest.parse(new String(payload, StandardCharsets.UTF_8));
            case TOKEN_FILES -> tokenFiles = tokenFiles(payload);
            case SMALL -> small = small(payload);
            case LAYER -> {
                require(
                        small != null && layers.size() < manifest.config().layers(),
                        "a layer stands where none belongs");
                ModelConfig c = manifest.config();
                List<MatrixKey> keys = new ArrayList<>();
                ByteBuffer in = ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
                for (LayerMatrix matrix : LayerMatrix.of(c, layers.size())) {
                    keys.add(matrix(matrix.rows(), matrix.columns(), in));
                }
                require(!in.hasRemaining(), "a layer has too many bytes");
                layers.add(keys);
            }
            case OUTPUT -> {
                require(
                        small != null && layers.size() == manifest.config().layers(),
                        "the output matrix stands before all layers do");
                ByteBuffer in = ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
                output = matrix(manifest.config().vocab(), manifest.config().hidden(), in);
                require(!in.hasRemaining(), "the output matrix has too many bytes");
            }
            case END -> {
                require(output != null, "it ends before its output matrix");
                isWhole = true;
            }
            default -> throw new MalformedException("section kind " + kind + " is not known");
        }
    }

    private static MatrixKey matrix(int rows, int columns, ByteBuffer in) {
        require(MatrixKey.bytes(rows, columns) <= in.remaining(), "a matrix is cut short");
        return MatrixKey.read(rows, columns, in);
    }

    private TokenFiles tokenFiles(byte[] payload) {
        require(manifest != null, "it does not begin with a manifest");
        SortedMap<String, byte[]> files = named(payload, "token files");
        require(files.keySet().equals(manifest.files().keySet()), "its token files are not the manifest's");
        try {
            return TokenFiles.of(manifest, files::get);
        } catch (IOException e) {
            throw new MalformedException(e.getMessage());
        }
    }

    private SmallTensors small(byte[] payload) {
        require(tokenFiles != null, "small tensors stand before the token files");
        SortedMap<String, byte[]> tensors = named(payload, "small tensors");
        tensors.forEach((name, bytes) -> require(
                Arrays.equals(manifest.tensor(name).hash(), Blake3.hash(bytes)),
                "tensor \"" + name + "\" is not the manifest's"));
        return new SmallTensors(manifest, tensors);
    }

    private static SortedMap<String, byte[]> named(byte[] payload, String what) {
        SortedMap<String, byte[]> parts = new TreeMap<>();
        CanonicalReader in = new CanonicalReader(payload, what);
        while (in.hasMore()) {
            String name = in.getText("name");
            parts.put(name, in.getBytes(name));
        }
        return parts;
    }

    private static void require(boolean holds, String what) {
        if (!holds) {
            throw new MalformedException(what);
        }
    }
}
