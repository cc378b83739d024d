package io.plumbline.transport;

import java.io.ByteArrayOutputStream;
import java.io.UncheckedIOException;
import java.security.InvalidKeyException;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import java.security.Security;
import java.security.SignatureException;
import java.security.SignatureSpi;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * An Ed25519 secret that the JDK's TLS signs with and cannot read: the secret may be in a token or in another process.
 * TLS finds what signs with it by a security provider, which takes such keys alone.
 */
final class SigningKey implements PrivateKey {
    private static final long serialVersionUID = 1;

    static {
        Security.addProvider(new SigningProvider());
    }

    private final transient UnaryOperator<byte[]> signer;

    SigningKey(UnaryOperator<byte[]> signer) {
        this.signer = signer;
    }

    @Override
    public String getAlgorithm() {
        return "EdDSA";
    }

    /** There is none. */
    @Override
    public String getFormat() {
        return null;
    }

    /** There is none. */
    @Override
    public byte[] getEncoded() {
        return null;
    }

    private static final class SigningProvider extends Provider {
        private static final long serialVersionUID = 1;

        SigningProvider() {
            super("PlumblineSigning", "1", "Ed25519 signatures of keys that cannot be read");
            putService(new Service(this, "Signature", "Ed25519", Signing.class.getName(), List.of("EdDSA"), Map.of()) {
                @Override
                public Object newInstance(Object parameter) {
                    return new Signing();
                }

                @Override
                public boolean supportsParameter(Object parameter) {
                    return parameter instanceof SigningKey;
                }
            });
        }
    }

    /** Signs with a {@link SigningKey}; verifies nothing. */
    private static final class Signing extends SignatureSpi {
        private final ByteArrayOutputStream message = new ByteArrayOutputStream();
        private UnaryOperator<byte[]> signer;

        @Override
        protected void engineInitSign(PrivateKey key) throws InvalidKeyException {
            if (!(key instanceof SigningKey signing)) {
                throw new InvalidKeyException("Only keys of this provider sign by it.");
            }
            signer = signing.signer;
            message.reset();
        }

        @Override
        protected void engineInitVerify(PublicKey key) throws InvalidKeyException {
            throw new InvalidKeyException("This provider verifies nothing.");
        }

        @Override
        protected void engineUpdate(byte one) {
            message.write(one);
        }

        @Override
        protected void engineUpdate(byte[] bytes, int offset, int length) {
            message.write(bytes, offset, length);
        }

        @Override
        protected byte[] engineSign() throws SignatureException {
            try {
                return signer.apply(message.toByteArray());
            } catch (UncheckedIOException e) {
                throw new SignatureException(e.getCause().getMessage(), e);
            } finally {
                message.reset();
            }
        }

        @Override
        protected boolean engineVerify(byte[] signature) throws SignatureException {
            throw new SignatureException("This provider verifies nothing.");
        }

        @Override
        @Deprecated
        protected void engineSetParameter(String name, Object value) {
            throw new UnsupportedOperationException(name);
        }

        @Override
        @Deprecated
        protected Object engineGetParameter(String name) {
            throw new UnsupportedOperationException(name);
        }
    }
}
