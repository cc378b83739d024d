package io.plumbline.node.serve;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.Domain;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.platform.PrivateFiles;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.tensor.AnswerTooLargeException;
import io.plumbline.verifier.tensor.TensorAnswer;
import io.plumbline.verifier.tensor.TensorRequest;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Predicate;

/**
 * What was asked, answered and signed, one entry after the other in a file. Each entry is followed by a hash over it
 * and the hash before: an entry that is changed, left out or put in later shows in every hash after it. Written by one
 * process at a time, by any thread.
 *
 * <pre>
 * file     magic, entries
 * entry    length u32 and its complement (big-endian), bytes, chain 32
 * bytes    time in ms i64, receipt, request, answer, each with its length; canonical form
 * </pre>
 *
 * <p>The receipt's contract says what request and answer are: a language model's, or tensors.
 */
public final class ReceiptLog implements AutoCloseable {
    /** The file's name in its folder. */
    public static final String FILE_NAME = "receipts.log";

    private static final byte[] MAGIC = "plumbline receipts 1\n".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    private static final Domain CHAIN = new Domain("plumbline 2026-11 receipt log");

    /** Of an entry: what a request and an answer may have, and what stands around them. */
    private static final int MAX_ENTRY_BYTES = 65 << 20;

    private static final int HEAD_BYTES = 2 * Integer.BYTES;

    private final Path file;
    private final FileChannel channel;
    private final FileLock lock;
    private final Map<Bytes32, Place> places = new HashMap<>();
    private byte[] chain = new byte[32];
    private long end = MAGIC.length;
    private int count;

    /** Where an entry stands. */
    private record Place(long at, int number) {}

    /**
     * One answer.
     *
     * @param number of the entry, from 0.
     * @param asked the request, encoded.
     * @param answered the answer, encoded.
     * @param chain the hash over it and all before it.
     */
    public record Entry(int number, long timeMs, Receipt receipt, byte[] asked, byte[] answered, byte[] chain) {
        /** The request to a language model. */
        public Request request() {
            return Request.decode(asked);
        }

        /** The answer of a language model. */
        public Answer answer() {
            return Answer.decode(answered);
        }

        /** The request to an ONNX model. */
        public TensorRequest tensorRequest() {
            return TensorRequest.decode(asked);
        }

        /** The answer of an ONNX model. */
        public TensorAnswer tensorAnswer() {
            return TensorAnswer.decode(answered);
        }
    }

    /**
     * Opens a log, or begins one. What a crash cut off at its end is dropped.
     *
     * @throws IOException where another process has it, or it is damaged before its end.
     */
    public ReceiptLog(Path folder) throws IOException {
        Files.createDirectories(folder);
        this.file = folder.resolve(FILE_NAME);
        if (!Files.exists(file)) {
            // It has what people asked: not for other users of the host.
            PrivateFiles.create(file, new byte[0]);
        }
        this.channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
        try {
            this.lock = locked();
            if (channel.size() < MAGIC.length) {
                channel.truncate(0);
                write(ByteBuffer.wrap(MAGIC), 0);
            } else {
                read(file, place -> {
                    places.put(place.entry.receipt.requestHash(), new Place(place.at, place.entry.number));
                    chain = place.entry.chain;
                    end = place.end;
                    count++;
                    return false;
                });
                channel.truncate(end);
            }
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    private FileLock locked() throws IOException {
        FileLock taken = null;
        try {
            taken = channel.tryLock();
        } catch (OverlappingFileLockException e) {
            // By this process.
        }
        if (taken == null) {
            throw new IOException(file + " is being written by another process. Name another folder with --dir.");
        }
        return taken;
    }

    /** Adds a language model's answer. It is with the operating system when this returns. */
    public void add(Receipt receipt, Request request, Answer answer) throws IOException {
        add(receipt, request.encode(), answer.encode());
    }

    /**
     * Adds an answer. It is with the operating system when this returns.
     *
     * @param request encoded.
     * @param answer encoded.
     */
    public synchronized void add(Receipt receipt, byte[] request, byte[] answer) throws IOException {
        byte[] bytes = new CanonicalWriter()
                .putLong(System.currentTimeMillis())
                .putBytes(receipt.encode())
                .putBytes(request)
                .putBytes(answer)
                .toBytes();
        if (bytes.length > MAX_ENTRY_BYTES) {
            throw new AnswerTooLargeException("Request and answer have more than " + MAX_ENTRY_BYTES
                    + " bytes together: the log does not take them. Ask for less at once.");
        }
        byte[] next = CHAIN.hash(chain, bytes);
        ByteBuffer head = ByteBuffer.allocate(HEAD_BYTES);
        head.putInt(bytes.length).putInt(~bytes.length).flip();
        long last = end + HEAD_BYTES + bytes.length + next.length;
        try {
            write(head, end);
            write(ByteBuffer.wrap(bytes), end + HEAD_BYTES);
            write(ByteBuffer.wrap(next), end + HEAD_BYTES + bytes.length);
        } catch (IOException e) {
            // Bytes that a full disk let through would stand behind a shorter entry that comes next, and pass for
            // damage.
            channel.truncate(end);
            throw e;
        }
        places.put(receipt.requestHash(), new Place(end, count++));
        chain = next;
        end = last;
    }

    private void write(ByteBuffer bytes, long at) throws IOException {
        for (long to = at; bytes.hasRemaining(); ) {
            to += channel.write(bytes, to);
        }
    }

    /** The answer to a request; null where the log has none. */
    public synchronized Entry find(Bytes32 requestHash) throws IOException {
        Place place = places.get(requestHash);
        if (place == null) {
            return null;
        }
        ByteBuffer length = ByteBuffer.allocate(Integer.BYTES);
        fill(length, place.at);
        byte[] bytes = new byte[length.flip().getInt()];
        byte[] hash = new byte[32];
        fill(ByteBuffer.wrap(bytes), place.at + HEAD_BYTES);
        fill(ByteBuffer.wrap(hash), place.at + HEAD_BYTES + bytes.length);
        return decode(place.number, bytes, hash);
    }

    private void fill(ByteBuffer target, long from) throws IOException {
        for (long at = from; target.hasRemaining(); ) {
            int read = channel.read(target, at);
            if (read < 0) {
                throw new IOException(file + " was cut off while it was in use.");
            }
            at += read;
        }
    }

    /** Answers that it has. */
    public synchronized int count() {
        return count;
    }

    /** The hash over all of it. */
    public synchronized byte[] chain() {
        return chain.clone();
    }

    private static Entry decode(int number, byte[] bytes, byte[] chain) {
        CanonicalReader in = new CanonicalReader(bytes, "entry");
        long timeMs = in.getLong("time");
        Receipt receipt = Receipt.decode(in.getBytes("receipt"));
        byte[] request = in.getBytes("request");
        byte[] answer = in.getBytes("answer");
        in.end();
        return new Entry(number, timeMs, receipt, request, answer, chain);
    }

    private record Found(Entry entry, long at, long end) {}

    /** Reads a log from its beginning, and checks every hash on the way, up to the first entry that is wanted. */
    private static Entry read(Path file, Predicate<Found> isWanted) throws IOException {
        long at = MAGIC.length;
        long size = Files.size(file);
        byte[] chain = new byte[32];
        try (InputStream raw = Files.newInputStream(file);
                DataInputStream in = new DataInputStream(new BufferedInputStream(raw, 1 << 20))) {
            if (!Arrays.equals(in.readNBytes(MAGIC.length), MAGIC)) {
                throw new IOException(file + " is no log of receipts.");
            }
            for (int number = 0; size - at >= HEAD_BYTES; number++) {
                int length = in.readInt();
                // A length that is damaged must not pass for an entry that was cut off.
                if (in.readInt() != ~length || length < 0 || length > MAX_ENTRY_BYTES) {
                    throw damaged(file, number, at);
                }
                long next = at + HEAD_BYTES + length + chain.length;
                if (next > size) {
                    // Cut off by a crash: nobody was told of it.
                    return null;
                }
                byte[] bytes = in.readNBytes(length);
                byte[] hash = in.readNBytes(chain.length);
                if (!Arrays.equals(hash, CHAIN.hash(chain, bytes))) {
                    throw damaged(file, number, at);
                }
                Found found;
                try {
                    found = new Found(decode(number, bytes, hash), at, next);
                } catch (MalformedException e) {
                    throw damaged(file, number, at);
                }
                if (isWanted.test(found)) {
                    return found.entry;
                }
                chain = hash;
                at = next;
            }
            return null;
        }
    }

    private static IOException damaged(Path file, int number, long at) {
        return new IOException(file + " is damaged at entry " + number + ", byte " + at
                + ": it does not match its own hash. Entries before it are whole; restore the file from a copy, or name"
                + " another folder.");
    }

    /**
     * Looks an answer up in a log that may be in use, and checks the chain up to it.
     *
     * @return null where there is none.
     */
    public static Entry find(Path folder, Bytes32 requestHash) throws IOException {
        Path file = folder.resolve(FILE_NAME);
        if (!Files.exists(file)) {
            throw new IOException(folder + " has no " + FILE_NAME + ": no model was served with this folder.");
        }
        return read(file, found -> found.entry.receipt.requestHash().equals(requestHash));
    }

    @Override
    public synchronized void close() throws IOException {
        channel.force(true);
        lock.release();
        channel.close();
    }

    @Override
    public String toString() {
        return file + ", " + count + " receipts, " + Blake3.hex(chain);
    }
}
