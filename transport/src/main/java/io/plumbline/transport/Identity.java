package io.plumbline.transport;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.math.BigInteger;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.function.UnaryOperator;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedKeyManager;
import javax.net.ssl.X509ExtendedTrustManager;
import org.bouncycastle.asn1.edec.EdECObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.operator.ContentSigner;

/**
 * An Ed25519 key as TLS knows it. There are no authorities: both sides show a certificate that they signed
 * themselves, and nothing in it counts but the key, which TLS has them prove. Whom one talks to is known beforehand,
 * from the genesis or the ledger.
 */
public final class Identity {
    private static final String NAME = "CN=plumbline";
    private static final String KEY_TYPE = "EdDSA";
    private static final String PROTOCOL = "TLSv1.3";
    private static final int KEY_BYTES = 32;

    private final PrivateKey secret;
    private final X509Certificate certificate;

    /**
     * @param signer signs with the Ed25519 secret: the certificate now, and a part of each handshake.
     * @param publicKey that belongs to it, 32 bytes.
     */
    public Identity(UnaryOperator<byte[]> signer, byte[] publicKey) {
        this.secret = new SigningKey(signer);
        try {
            this.certificate = new JcaX509CertificateConverter()
                    .getCertificate(builder(publicKey).build(new Signing(signer)));
        } catch (GeneralSecurityException e) {
            throw new IllegalArgumentException("This is no Ed25519 key: " + e.getMessage(), e);
        }
    }

    /** Keys do not age here: the ledger says which count. */
    private static X509v3CertificateBuilder builder(byte[] publicKey) {
        SubjectPublicKeyInfo key =
                new SubjectPublicKeyInfo(new AlgorithmIdentifier(EdECObjectIdentifiers.id_Ed25519), publicKey);
        X500Name name = new X500Name(NAME);
        Date from = Date.from(Instant.EPOCH);
        Date to = Date.from(Instant.parse("9999-12-31T23:59:59Z"));
        return new X509v3CertificateBuilder(name, BigInteger.ONE, from, to, name, key);
    }

    /**
     * Whether a message is one that an {@link Identity} of this key has signed, and no other: its certificate, or what
     * TLS 1.3 has either side of a handshake sign (RFC 8446, 4.4.3).
     *
     * @param publicKey 32 bytes.
     */
    public static boolean isSigned(byte[] publicKey, byte[] message) {
        for (String side : List.of("client", "server")) {
            byte[] before =
                    (" ".repeat(64) + "TLS 1.3, " + side + " CertificateVerify\0").getBytes(StandardCharsets.US_ASCII);
            int hash = message.length - before.length;
            if ((hash == 32 || hash == 48) && Arrays.equals(before, Arrays.copyOf(message, before.length))) {
                return true;
            }
        }
        Signing seen = new Signing(unsigned -> new byte[64]);
        builder(publicKey).build(seen);
        return Arrays.equals(seen.out.toByteArray(), message);
    }

    /** Signs a certificate. */
    private static final class Signing implements ContentSigner {
        private final UnaryOperator<byte[]> signer;
        private final ByteArrayOutputStream out = new ByteArrayOutputStream();

        Signing(UnaryOperator<byte[]> signer) {
            this.signer = signer;
        }

        @Override
        public AlgorithmIdentifier getAlgorithmIdentifier() {
            return new AlgorithmIdentifier(EdECObjectIdentifiers.id_Ed25519);
        }

        @Override
        public OutputStream getOutputStream() {
            return out;
        }

        @Override
        public byte[] getSignature() {
            return signer.apply(out.toByteArray());
        }
    }

    /** The link of whoever begins, to the owner of {@code expected} and nobody else. */
    public TlsLink to(byte[] expected) {
        SSLEngine engine = engine(expected);
        engine.setUseClientMode(true);
        return new TlsLink(engine);
    }

    /** The link of whoever is called on, by any key. */
    public TlsLink from() {
        SSLEngine engine = engine(null);
        engine.setUseClientMode(false);
        engine.setNeedClientAuth(true);
        return new TlsLink(engine);
    }

    private SSLEngine engine(byte[] expected) {
        try {
            SSLContext context = SSLContext.getInstance(PROTOCOL);
            context.init(new KeyManager[] {new Own()}, new TrustManager[] {new Expecting(expected)}, null);
            SSLEngine engine = context.createSSLEngine();
            engine.setEnabledProtocols(new String[] {PROTOCOL});
            return engine;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("This Java has no " + PROTOCOL + " with Ed25519: " + e.getMessage(), e);
        }
    }

    /** The key in a certificate. */
    static byte[] key(X509Certificate certificate) throws CertificateException {
        byte[] encoded = certificate.getPublicKey().getEncoded();
        if (!certificate.getPublicKey().getAlgorithm().equals(KEY_TYPE) || encoded.length != 12 + KEY_BYTES) {
            throw new CertificateException("The other side has no Ed25519 key.");
        }
        return Arrays.copyOfRange(encoded, encoded.length - KEY_BYTES, encoded.length);
    }

    /** Shows this certificate to everybody. */
    private final class Own extends X509ExtendedKeyManager {
        private static final String ALIAS = "own";

        @Override
        public String chooseEngineClientAlias(String[] types, Principal[] issuers, SSLEngine engine) {
            return Arrays.asList(types).contains(KEY_TYPE) ? ALIAS : null;
        }

        @Override
        public String chooseEngineServerAlias(String type, Principal[] issuers, SSLEngine engine) {
            return type.equals(KEY_TYPE) ? ALIAS : null;
        }

        @Override
        public String chooseClientAlias(String[] types, Principal[] issuers, Socket socket) {
            return chooseEngineClientAlias(types, issuers, null);
        }

        @Override
        public String chooseServerAlias(String type, Principal[] issuers, Socket socket) {
            return chooseEngineServerAlias(type, issuers, null);
        }

        @Override
        public String[] getClientAliases(String type, Principal[] issuers) {
            return new String[] {ALIAS};
        }

        @Override
        public String[] getServerAliases(String type, Principal[] issuers) {
            return new String[] {ALIAS};
        }

        @Override
        public X509Certificate[] getCertificateChain(String alias) {
            return new X509Certificate[] {certificate};
        }

        @Override
        public PrivateKey getPrivateKey(String alias) {
            return secret;
        }
    }

    /** Lets in the owner of one key, or of any where there is none to expect. */
    private static final class Expecting extends X509ExtendedTrustManager {
        private final byte[] expected;

        Expecting(byte[] expected) {
            this.expected = expected == null ? null : expected.clone();
        }

        private void check(X509Certificate[] chain) throws CertificateException {
            byte[] key = key(chain[0]);
            if (expected != null && !Arrays.equals(expected, key)) {
                throw new CertificateException("the other side has another key than the one expected");
            }
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine)
                throws CertificateException {
            check(chain);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine)
                throws CertificateException {
            check(chain);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket)
                throws CertificateException {
            check(chain);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket)
                throws CertificateException {
            check(chain);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) throws CertificateException {
            check(chain);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) throws CertificateException {
            check(chain);
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
