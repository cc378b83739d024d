package io.plumbline.node.tls;

import io.plumbline.verifier.platform.PrivateFiles;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A certificate with those that vouch for it, and the key that belongs to it.
 *
 * @param chain the server's own first.
 */
record Certificate(List<X509Certificate> chain, PrivateKey key) {
    private static final int MOST_BYTES = 1 << 20;
    private static final Pattern KEY =
            Pattern.compile("-----BEGIN ([A-Z ]*PRIVATE KEY)-----([A-Za-z0-9+/=\\s]+)-----END \\1-----");

    /**
     * Reads PEM files: a chain of certificates, and a key in PKCS#8 that its owner alone may read.
     *
     * @throws IOException naming the file and what is wrong with it, also where one does not belong to the other.
     */
    static Certificate read(Path certificateFile, Path keyFile) throws IOException {
        List<X509Certificate> chain = chain(certificateFile);
        PublicKey known = chain.getFirst().getPublicKey();
        PrivateKey key = key(keyFile, known.getAlgorithm());
        if (!isPair(known, key)) {
            throw new IOException(keyFile + " is not the key of " + certificateFile
                    + ": the first certificate there has another public key.");
        }
        return new Certificate(chain, key);
    }

    private static byte[] bytes(Path file) throws IOException {
        try {
            if (Files.size(file) > MOST_BYTES) {
                throw new IOException(file + " has more than " + MOST_BYTES + " bytes.");
            }
            return Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            throw new IOException(file + " does not exist.", e);
        }
    }

    private static List<X509Certificate> chain(Path file) throws IOException {
        byte[] bytes = bytes(file);
        try {
            List<X509Certificate> chain =
                    CertificateFactory.getInstance("X.509")
                            .generateCertificates(new ByteArrayInputStream(bytes))
                            .stream()
                            .map(X509Certificate.class::cast)
                            .toList();
            if (chain.isEmpty()) {
                throw new CertificateException("it has none");
            }
            chain.getFirst().checkValidity();
            return chain;
        } catch (CertificateException e) {
            throw new IOException(
                    file + " is no chain of certificates in PEM that is valid now: " + e.getMessage() + ".", e);
        }
    }

    private static PrivateKey key(Path file, String algorithm) throws IOException {
        String text = new String(bytes(file), StandardCharsets.ISO_8859_1);
        try {
            PrivateFiles.requireOwnerAlone(file);
        } catch (IOException e) {
            throw new IOException(file + ": " + e.getMessage() + ".", e);
        }
        Matcher pem = KEY.matcher(text);
        if (!pem.find()) {
            throw new IOException(file + " has no private key in PEM.");
        }
        if (!pem.group(1).equals("PRIVATE KEY")) {
            throw new IOException(file + " has an " + pem.group(1) + ", which is not PKCS#8 without a password. Convert"
                    + " it: openssl pkcs8 -topk8 -nocrypt -in " + file + " -out KEY.");
        }
        try {
            byte[] encoded = Base64.getMimeDecoder().decode(pem.group(2));
            return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(encoded));
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            throw new IOException(
                    file + " has no " + algorithm + " key, as the certificate asks: " + e.getMessage() + ".", e);
        }
    }

    private static boolean isPair(PublicKey known, PrivateKey key) throws IOException {
        String algorithm = switch (known.getAlgorithm()) {
            case "RSA" -> "SHA256withRSA";
            case "EC" -> "SHA256withECDSA";
            default -> known.getAlgorithm();
        };
        try {
            byte[] message = "whose key is it".getBytes(StandardCharsets.US_ASCII);
            Signature signer = Signature.getInstance(algorithm);
            signer.initSign(key);
            signer.update(message);
            byte[] signature = signer.sign();
            Signature checker = Signature.getInstance(algorithm);
            checker.initVerify(known);
            checker.update(message);
            return checker.verify(signature);
        } catch (GeneralSecurityException e) {
            throw new IOException("A " + known.getAlgorithm() + " key cannot be used here: " + e.getMessage() + ".", e);
        }
    }
}
