package io.plumbline.benchmarks.jmh;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.ParallelHash;
import io.plumbline.verifier.blake3.ScalarCompressor;
import java.lang.foreign.MemorySegment;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import org.bouncycastle.crypto.digests.Blake3Digest;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** One message hashed by us and by what else there is for Java. */
public class Blake3Suite extends Suite {
    @Param({"1024", "16384", "65536", "1048576"})
    private int bytes;

    private byte[] message;

    @Setup
    public void prepare() {
        message = bytes(bytes, 1);
        if (!Arrays.equals(ours(), bouncyCastleBlake3()) || !Arrays.equals(ours(), commonsCodecBlake3())) {
            throw new IllegalStateException("Two hashes of one message differ.");
        }
    }

    @Benchmark
    public byte[] ours() {
        return Blake3.hash(message);
    }

    /** The fastest form of the leaves, on all threads. */
    @Benchmark
    public byte[] oursOnAllThreads() {
        return ParallelHash.hash(MemorySegment.ofArray(message));
    }

    @Benchmark
    public byte[] oursScalar() {
        return Blake3.plain(new ScalarCompressor()).update(message).digest();
    }

    @Benchmark
    public byte[] jdkSha256() throws NoSuchAlgorithmException {
        return MessageDigest.getInstance("SHA-256").digest(message);
    }

    @Benchmark
    public byte[] bouncyCastleBlake3() {
        Blake3Digest digest = new Blake3Digest();
        digest.update(message, 0, message.length);
        byte[] out = new byte[32];
        digest.doFinal(out, 0);
        return out;
    }

    @Benchmark
    public byte[] commonsCodecBlake3() {
        return org.apache.commons.codec.digest.Blake3.hash(message);
    }
}
