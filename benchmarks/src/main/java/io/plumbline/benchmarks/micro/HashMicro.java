package io.plumbline.benchmarks.micro;

import io.plumbline.verifier.blake3.Blake3;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.bouncycastle.crypto.digests.Blake3Digest;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** One message hashed by us and by what else there is for Java. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
public class HashMicro {
    @Param({"1024", "16384", "65536", "1048576"})
    private int bytes;

    private byte[] message;

    @Setup
    public void prepare() {
        message = new byte[bytes];
        new Random(1).nextBytes(message);
    }

    @Benchmark
    public byte[] ours() {
        return Blake3.hash(message);
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
