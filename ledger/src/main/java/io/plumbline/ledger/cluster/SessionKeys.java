package io.plumbline.ledger.cluster;

import io.aeron.security.Authenticator;
import io.aeron.security.CredentialsSupplier;
import io.aeron.security.SessionProxy;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.receipt.KeyPair;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * How a full node opens a session with the cluster: names its key, and signs what it is challenged with. What may be
 * done there is decided by the signatures under commands; this keeps everybody else, replays and somebody else's
 * ledger out of the log.
 */
public final class SessionKeys implements CredentialsSupplier {
    private static final int CHALLENGE_BYTES = 32;

    private final KeyPair keys;
    private final Bytes32 genesisHash;

    public SessionKeys(KeyPair keys, Bytes32 genesisHash) {
        this.keys = keys;
        this.genesisHash = genesisHash;
    }

    /** Whether a message is what is signed for a session with this ledger's members. */
    public static boolean isMessage(Bytes32 genesisHash, byte[] message) {
        int at = message.length - CHALLENGE_BYTES;
        return at >= 0 && Arrays.equals(message, message(genesisHash, Arrays.copyOfRange(message, at, message.length)));
    }

    private static byte[] message(Bytes32 genesisHash, byte[] challenge) {
        return new CanonicalWriter()
                .putText("plumbline session 1")
                .putBytes32(genesisHash)
                .putFixed(challenge)
                .toBytes();
    }

    @Override
    public byte[] encodedCredentials() {
        return keys.publicKey().bytes();
    }

    @Override
    public byte[] onChallenge(byte[] challenge) {
        return keys.sign(message(genesisHash, challenge));
    }

    /** The other side: challenges whoever names the key of a full node, and lets in whose signature holds. */
    static final class Gate implements Authenticator {
        /** Sessions that are being challenged; strangers cannot make it grow, nor fill it for long. */
        private static final int MAX_PENDING = 256;

        private static final long ANSWER_MS = 10_000;

        private final Bytes32 genesisHash;
        private final Set<Bytes32> admitted;
        private final SecureRandom random = new SecureRandom();
        private final Map<Long, Pending> pending = new HashMap<>();

        private static final class Pending {
            private final Bytes32 key;
            private final byte[] challenge;
            private final long sinceMs;
            private boolean isAnswered;
            private boolean holds;

            Pending(Bytes32 key, byte[] challenge, long sinceMs) {
                this.key = key;
                this.challenge = challenge;
                this.sinceMs = sinceMs;
            }
        }

        Gate(Bytes32 genesisHash, Collection<Bytes32> admitted) {
            this.genesisHash = genesisHash;
            this.admitted = Set.copyOf(admitted);
        }

        @Override
        public void onConnectRequest(long sessionId, byte[] credentials, long nowMs) {
            pending.values().removeIf(one -> nowMs - one.sinceMs > ANSWER_MS);
            Bytes32 key =
                    credentials == null || credentials.length != KeyPair.PUBLIC_BYTES ? null : Bytes32.of(credentials);
            if (key != null && admitted.contains(key) && pending.size() < MAX_PENDING) {
                byte[] challenge = new byte[CHALLENGE_BYTES];
                random.nextBytes(challenge);
                pending.put(sessionId, new Pending(key, challenge, nowMs));
            }
        }

        @Override
        public void onConnectedSession(SessionProxy session, long nowMs) {
            Pending one = pending.get(session.sessionId());
            if (one == null) {
                session.reject();
            } else {
                session.challenge(one.challenge);
            }
        }

        @Override
        public void onChallengeResponse(long sessionId, byte[] credentials, long nowMs) {
            Pending one = pending.get(sessionId);
            if (one != null && credentials != null) {
                one.isAnswered = true;
                one.holds = KeyPair.verify(one.key, message(genesisHash, one.challenge), credentials);
            }
        }

        /** Asked again and again until the answer is there. */
        @Override
        public void onChallengedSession(SessionProxy session, long nowMs) {
            Pending one = pending.get(session.sessionId());
            if (one != null && !one.isAnswered) {
                return;
            }
            if (one == null || !one.holds) {
                pending.remove(session.sessionId());
                session.reject();
            } else if (session.authenticate(one.key.bytes())) {
                pending.remove(session.sessionId());
            }
        }
    }
}
