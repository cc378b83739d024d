package io.plumbline.node.tls;

import java.io.IOException;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedKeyManager;

/**
 * Shows each new client the certificate of now. A handshake asks for an alias first and for chain and key by it, so the
 * one before is kept too: a handshake never gets one's chain with the other's key.
 */
final class RenewedKeyManager extends X509ExtendedKeyManager {
    private static final char[] NO_PASSWORD = {};

    private volatile Shown shown;

    /** @param before null where there was none. */
    private record Shown(String alias, X509ExtendedKeyManager keys, Shown before) {}

    RenewedKeyManager(Certificate certificate) throws IOException {
        renew(certificate);
    }

    /** Shows another from now on; clients that are connected go on. */
    void renew(Certificate certificate) throws IOException {
        Shown before = shown;
        String alias = before == null ? "1" : Long.toString(Long.parseLong(before.alias) + 1);
        try {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            store.setKeyEntry(
                    alias, certificate.key(), NO_PASSWORD, certificate.chain().toArray(X509Certificate[]::new));
            // By the aliases of the store, which PKIX decorates.
            KeyManagerFactory factory = KeyManagerFactory.getInstance("SunX509");
            factory.init(store, NO_PASSWORD);
            X509ExtendedKeyManager keys = (X509ExtendedKeyManager) factory.getKeyManagers()[0];
            shown = new Shown(alias, keys, before == null ? null : new Shown(before.alias, before.keys, null));
        } catch (GeneralSecurityException e) {
            throw new IOException("The certificate cannot be used here: " + e.getMessage() + ".", e);
        }
    }

    /** The keys that have an alias. */
    private X509ExtendedKeyManager of(String alias) {
        Shown now = shown;
        return now.before == null || now.alias.equals(alias) ? now.keys : now.before.keys;
    }

    @Override
    public String chooseEngineServerAlias(String keyType, Principal[] issuers, SSLEngine engine) {
        return shown.keys.chooseEngineServerAlias(keyType, issuers, engine);
    }

    @Override
    public String chooseServerAlias(String keyType, Principal[] issuers, Socket socket) {
        return shown.keys.chooseServerAlias(keyType, issuers, socket);
    }

    @Override
    public String[] getServerAliases(String keyType, Principal[] issuers) {
        return shown.keys.getServerAliases(keyType, issuers);
    }

    @Override
    public X509Certificate[] getCertificateChain(String alias) {
        return of(alias).getCertificateChain(alias);
    }

    @Override
    public PrivateKey getPrivateKey(String alias) {
        return of(alias).getPrivateKey(alias);
    }

    /** None: this is a server's. */
    @Override
    public String[] getClientAliases(String keyType, Principal[] issuers) {
        return null;
    }

    /** None: this is a server's. */
    @Override
    public String chooseClientAlias(String[] keyType, Principal[] issuers, Socket socket) {
        return null;
    }
}
