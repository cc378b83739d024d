package io.plumbline.node.network;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.RemoteSecret;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/**
 * An Ed25519 key in a PKCS#11 token, called through the foreign function API by the token's own library: the JDK's
 * SunPKCS11 has no Ed25519. Names and numbers are those of PKCS#11 3.0 (OASIS), for systems on which a C long has 64
 * bits.
 */
final class Pkcs11Token implements RemoteSecret {
    // Places in CK_FUNCTION_LIST, behind the version.
    private static final int INITIALIZE = 0;
    private static final int GET_SLOT_LIST = 4;
    private static final int GET_TOKEN_INFO = 6;
    private static final int OPEN_SESSION = 12;
    private static final int LOGIN = 18;
    private static final int GET_ATTRIBUTE_VALUE = 24;
    private static final int FIND_OBJECTS_INIT = 26;
    private static final int FIND_OBJECTS = 27;
    private static final int FIND_OBJECTS_FINAL = 28;
    private static final int SIGN_INIT = 42;
    private static final int SIGN = 43;

    private static final int FUNCTIONS = 68;

    private static final long CKR_OK = 0;
    private static final long CKR_USER_ALREADY_LOGGED_IN = 0x100;
    private static final long CKR_CRYPTOKI_ALREADY_INITIALIZED = 0x191;

    /** What the operator can do something about. */
    private static final Map<Long, String> REASONS = Map.of(
            0x30L, "CKR_DEVICE_ERROR",
            0x32L, "CKR_DEVICE_REMOVED",
            0x70L, "CKR_MECHANISM_INVALID: it knows no Ed25519 (CKM_EDDSA)",
            0xA0L, "CKR_PIN_INCORRECT",
            0xA4L, "CKR_PIN_LOCKED",
            0xB3L, "CKR_SESSION_HANDLE_INVALID",
            0xE0L, "CKR_TOKEN_NOT_PRESENT",
            0x101L, "CKR_USER_NOT_LOGGED_IN");

    private static final long CKF_OS_LOCKING_OK = 2;
    private static final long CKF_SERIAL_SESSION = 4;
    private static final long CKU_USER = 1;
    private static final long CKA_CLASS = 0;
    private static final long CKA_LABEL = 3;
    private static final long CKA_KEY_TYPE = 0x100;
    private static final long CKA_EC_POINT = 0x181;
    private static final long CKO_PUBLIC_KEY = 2;
    private static final long CKO_PRIVATE_KEY = 3;
    private static final long CKK_EC_EDWARDS = 0x40;
    private static final long CKM_EDDSA = 0x1057;

    /** CK_TOKEN_INFO begins with the label, padded with blanks. */
    private static final int LABEL_BYTES = 32;

    private static final int TOKEN_INFO_BYTES = 512;

    private static final int MAX_SLOTS = 256;

    private static final ValueLayout.OfLong ULONG = ValueLayout.JAVA_LONG;

    /** CK_ATTRIBUTE, and CK_MECHANISM as well: a type, a pointer and a length. */
    private static final long ATTRIBUTE_BYTES = 24;

    /** A name that a token has no key of, or no token has. */
    private static final long NONE = -1;

    private final Path library;
    private final MemorySegment functions;
    private final long session;
    private final long secret;
    private final Bytes32 publicKey;

    /** A call failed; the message is one line. */
    private static final class TokenException extends IOException {
        private static final long serialVersionUID = 1;

        TokenException(Path library, String what, long code) {
            super(library + ": " + what + " failed: "
                    + REASONS.getOrDefault(code, "PKCS#11 error 0x" + Long.toHexString(code)));
        }
    }

    /**
     * Opens a session and logs in.
     *
     * @param library the token's PKCS#11 module.
     * @param token its label.
     * @param label of the key pair: the private and the public key both have it.
     * @throws IOException where there is no such token or key, the PIN is wrong, or a signature does not verify.
     */
    Pkcs11Token(Path library, String token, String label, String pin) throws IOException {
        this.library = library;
        try (Arena arena = Arena.ofConfined()) {
            functions = functions();
            initialize(arena);
            long slot = slot(arena, token);
            if (slot == NONE) {
                throw new IOException("no token of " + library + " is labelled \"" + token + "\"");
            }
            MemorySegment handle = arena.allocate(ULONG);
            require(
                    "opening a session",
                    call(OPEN_SESSION, slot, CKF_SERIAL_SESSION, MemorySegment.NULL, MemorySegment.NULL, handle));
            session = handle.get(ULONG, 0);
            byte[] code = pin.getBytes(StandardCharsets.UTF_8);
            long login = call(LOGIN, session, CKU_USER, bytes(arena, code), (long) code.length);
            if (login != CKR_USER_ALREADY_LOGGED_IN) {
                require("logging in", login);
            }
            secret = only(arena, CKO_PRIVATE_KEY, label, token);
            publicKey = point(arena, only(arena, CKO_PUBLIC_KEY, label, token));
        }
        byte[] probe = "plumbline token 1".getBytes(StandardCharsets.UTF_8);
        if (!KeyPair.verify(publicKey, probe, signed(probe))) {
            throw new IOException("the private and the public key labelled \"" + label + "\" do not belong together");
        }
    }

    KeyPair keys() {
        return new KeyPair(publicKey, this);
    }

    // The function list is where the library says, and each function has the form that the standard gives it.
    @SuppressWarnings("restricted")
    private MemorySegment functions() throws IOException {
        SymbolLookup found;
        try {
            // For as long as the process runs: keys are used until it ends.
            found = SymbolLookup.libraryLookup(library, Arena.global());
        } catch (IllegalArgumentException e) {
            throw new IOException("the library " + library + " cannot be loaded", e);
        }
        MemorySegment list = found.find("C_GetFunctionList")
                .orElseThrow(() -> new IOException(library + " is no PKCS#11 module: it has no C_GetFunctionList"));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pointer = arena.allocate(ValueLayout.ADDRESS);
            require("C_GetFunctionList", invoke(list, pointer));
            return pointer.get(ValueLayout.ADDRESS, 0).reinterpret(Long.BYTES * (1L + FUNCTIONS));
        }
    }

    private void initialize(Arena arena) throws IOException {
        // CK_C_INITIALIZE_ARGS: four functions, the flags, and a pointer.
        MemorySegment arguments = arena.allocate(6 * Long.BYTES, Long.BYTES);
        arguments.set(ULONG, 4 * Long.BYTES, CKF_OS_LOCKING_OK);
        long begun = call(INITIALIZE, arguments);
        if (begun != CKR_CRYPTOKI_ALREADY_INITIALIZED) {
            require("C_Initialize", begun);
        }
    }

    private long slot(Arena arena, String token) throws IOException {
        MemorySegment count = arena.allocate(ULONG);
        count.set(ULONG, 0, MAX_SLOTS);
        MemorySegment slots = arena.allocate(ULONG, MAX_SLOTS);
        require("listing slots", call(GET_SLOT_LIST, (byte) 1, slots, count));
        MemorySegment info = arena.allocate(TOKEN_INFO_BYTES, Long.BYTES);
        for (long i = 0; i < count.get(ULONG, 0); i++) {
            long slot = slots.getAtIndex(ULONG, i);
            if (call(GET_TOKEN_INFO, slot, info) == CKR_OK) {
                byte[] label = info.asSlice(0, LABEL_BYTES).toArray(ValueLayout.JAVA_BYTE);
                if (new String(label, StandardCharsets.UTF_8).strip().equals(token)) {
                    return slot;
                }
            }
        }
        return NONE;
    }

    /** The one Ed25519 key of a class and a label. */
    private long only(Arena arena, long type, String label, String token) throws IOException {
        byte[] name = label.getBytes(StandardCharsets.UTF_8);
        MemorySegment template = arena.allocate(3 * ATTRIBUTE_BYTES, Long.BYTES);
        attribute(template, 0, CKA_CLASS, arena.allocateFrom(ULONG, type), Long.BYTES);
        attribute(template, 1, CKA_KEY_TYPE, arena.allocateFrom(ULONG, CKK_EC_EDWARDS), Long.BYTES);
        attribute(template, 2, CKA_LABEL, bytes(arena, name), name.length);
        require("looking for the key", call(FIND_OBJECTS_INIT, session, template, 3L));
        MemorySegment found = arena.allocate(ULONG, 2);
        MemorySegment count = arena.allocate(ULONG);
        require("looking for the key", call(FIND_OBJECTS, session, found, 2L, count));
        require("looking for the key", call(FIND_OBJECTS_FINAL, session));
        if (count.get(ULONG, 0) != 1) {
            throw new IOException("the token \"" + token + "\" has "
                    + (count.get(ULONG, 0) == 0 ? "no" : "more than one") + " Ed25519 "
                    + (type == CKO_PRIVATE_KEY ? "private" : "public") + " key labelled \"" + label + "\"");
        }
        return found.get(ULONG, 0);
    }

    /** The 32 bytes of a public key, which some tokens give within an OCTET STRING. */
    private Bytes32 point(Arena arena, long key) throws IOException {
        MemorySegment value = arena.allocate(256);
        MemorySegment template = arena.allocate(ATTRIBUTE_BYTES, Long.BYTES);
        attribute(template, 0, CKA_EC_POINT, value, value.byteSize());
        require("reading the public key", call(GET_ATTRIBUTE_VALUE, session, key, template, 1L));
        long length = template.get(ULONG, 2 * Long.BYTES);
        byte[] read = value.asSlice(0, Math.clamp(length, 0, value.byteSize())).toArray(ValueLayout.JAVA_BYTE);
        boolean isWrapped = read.length == 2 + Bytes32.BYTES && read[0] == 4 && read[1] == Bytes32.BYTES;
        if (!isWrapped && read.length != Bytes32.BYTES) {
            throw new IOException("the token's public key has " + length + " bytes, and is no Ed25519 key");
        }
        return Bytes32.of(Arrays.copyOfRange(read, read.length - Bytes32.BYTES, read.length));
    }

    private static void attribute(MemorySegment template, int index, long type, MemorySegment value, long length) {
        long at = index * ATTRIBUTE_BYTES;
        template.set(ULONG, at, type);
        template.set(ValueLayout.ADDRESS, at + Long.BYTES, value);
        template.set(ULONG, at + 2 * Long.BYTES, length);
    }

    private static MemorySegment bytes(Arena arena, byte[] bytes) {
        return arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
    }

    @Override
    public byte[] sign(byte[] message) {
        try {
            return signed(message);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A session has one signature on its way. */
    private synchronized byte[] signed(byte[] message) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment mechanism = arena.allocate(ATTRIBUTE_BYTES, Long.BYTES);
            mechanism.set(ULONG, 0, CKM_EDDSA);
            require("signing", call(SIGN_INIT, session, mechanism, secret));
            MemorySegment signature = arena.allocate(KeyPair.SIGNATURE_BYTES);
            MemorySegment length = arena.allocateFrom(ULONG, KeyPair.SIGNATURE_BYTES);
            require("signing", call(SIGN, session, bytes(arena, message), (long) message.length, signature, length));
            if (length.get(ULONG, 0) != KeyPair.SIGNATURE_BYTES) {
                throw new IOException(library + ": a signature has " + length.get(ULONG, 0) + " bytes");
            }
            return signature.toArray(ValueLayout.JAVA_BYTE);
        }
    }

    private void require(String what, long code) throws IOException {
        if (code != CKR_OK) {
            throw new TokenException(library, what, code);
        }
    }

    private long call(int function, Object... arguments) {
        return invoke(functions.get(ValueLayout.ADDRESS, Long.BYTES * (1L + function)), arguments);
    }

    @SuppressWarnings("restricted")
    private static long invoke(MemorySegment function, Object... arguments) {
        MemoryLayout[] layouts = new MemoryLayout[arguments.length];
        for (int i = 0; i < arguments.length; i++) {
            layouts[i] = switch (arguments[i]) {
                case Long _ -> ULONG;
                case Byte _ -> ValueLayout.JAVA_BYTE;
                default -> ValueLayout.ADDRESS;
            };
        }
        MethodHandle handle = Linker.nativeLinker().downcallHandle(function, FunctionDescriptor.of(ULONG, layouts));
        try {
            return (long) handle.invokeWithArguments(arguments);
        } catch (Throwable e) {
            throw new IllegalStateException("A call into a PKCS#11 library failed: " + e, e);
        }
    }
}
