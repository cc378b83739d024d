package io.plumbline.node.full;

import io.plumbline.verifier.blake3.Domain;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * Encrypts what full nodes put on a data node, which anybody may read: a snapshot names each request and receipt of the
 * last day, by which prompts and answers are disclosed, and evidence shows one. ChaCha20-Poly1305 under a key that
 * whoever may read shares; the nonce is of the content, so that full nodes with one secret make the same file of the
 * same snapshot, and an archive has it once. Any thread may call.
 *
 * <p>The file: {@code PLBARC01}, the nonce (12 bytes), the ciphertext with its tag (16 bytes).
 */
public final class ArchiveCipher {
    private static final byte[] MAGIC = "PLBARC01".getBytes(StandardCharsets.US_ASCII);
    private static final int NONCE_BYTES = 12;
    private static final int TAG_BYTES = 16;
    private static final Domain KEY = new Domain("plumbline 2026-11 archive key");
    private static final Domain NONCE = new Domain("plumbline 2026-11 archive nonce");

    private final SecretKeySpec key;
    private final byte[] nonceKey;

    /** @param secret that all share who may read. */
    public ArchiveCipher(KeyPair secret) {
        this.key = new SecretKeySpec(secret.derived(KEY), "ChaCha20");
        this.nonceKey = secret.derived(NONCE);
    }

    /** The file of a content. */
    public byte[] encrypt(byte[] content) {
        byte[] nonce = Arrays.copyOf(NONCE.hash(nonceKey, content), NONCE_BYTES);
        byte[] file = new byte[MAGIC.length + NONCE_BYTES + content.length + TAG_BYTES];
        ByteBuffer out = ByteBuffer.wrap(file).put(MAGIC).put(nonce);
        try {
            cipher(Cipher.ENCRYPT_MODE, nonce).doFinal(ByteBuffer.wrap(content), out);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("ChaCha20-Poly1305 is not there.", e);
        }
        return file;
    }

    /**
     * The content of a file.
     *
     * @throws IOException where it is none, was changed, or was encrypted with another secret.
     */
    public byte[] decrypt(byte[] file) throws IOException {
        int begin = MAGIC.length + NONCE_BYTES;
        if (file.length < begin + TAG_BYTES || !Arrays.equals(file, 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
            throw new IOException("it is not what a full node archives");
        }
        try {
            byte[] nonce = Arrays.copyOfRange(file, MAGIC.length, begin);
            return cipher(Cipher.DECRYPT_MODE, nonce).doFinal(file, begin, file.length - begin);
        } catch (AEADBadTagException e) {
            throw new IOException("it was encrypted with another secret, or changed", e);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("ChaCha20-Poly1305 is not there.", e);
        }
    }

    private Cipher cipher(int mode, byte[] nonce) throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance("ChaCha20-Poly1305");
        cipher.init(mode, key, new IvParameterSpec(nonce));
        return cipher;
    }
}
