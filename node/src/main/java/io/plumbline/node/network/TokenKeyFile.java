package io.plumbline.node.network;

import io.plumbline.verifier.platform.PrivateFiles;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.tomlj.Toml;
import org.tomlj.TomlParseResult;

/** A key file in TOML that says which PKCS#11 token has the key. */
final class TokenKeyFile {
    static final String LIBRARY = "pkcs11";

    private static final List<String> KEYS = List.of(LIBRARY, "token", "label", "pin-file");

    /** By what their files say: a token has a bound of sessions. */
    private static final Map<List<String>, KeyPair> OPENED = new ConcurrentHashMap<>();

    private final Path file;
    private final TomlParseResult toml;

    private TokenKeyFile(Path file, TomlParseResult toml) {
        this.file = file;
        this.toml = toml;
    }

    /** Whether a key file's text is meant as one. */
    static boolean is(String text) {
        return text.contains(LIBRARY) && text.contains("=");
    }

    /**
     * Opens the key; each key once.
     *
     * @throws IOException where the file is wrong, as FILE:LINE: key: why, or the key cannot be had.
     */
    static KeyPair open(Path file, String text) throws IOException {
        TomlParseResult toml = Toml.parse(text);
        if (toml.hasErrors()) {
            throw new IOException(
                    file + ":" + toml.errors().getFirst().position().line() + ": "
                            + toml.errors().getFirst().getMessage());
        }
        return new TokenKeyFile(file, toml).open();
    }

    private KeyPair open() throws IOException {
        for (String key : toml.keySet()) {
            if (!KEYS.contains(key)) {
                throw fault(key, "is none of " + String.join(", ", KEYS));
            }
        }
        Path folder = file.toAbsolutePath().getParent();
        Path library = folder.resolve(text(LIBRARY));
        if (!Files.isRegularFile(library)) {
            throw fault(LIBRARY, library + " does not exist; name the token's PKCS#11 library");
        }
        Path pinFile = folder.resolve(text("pin-file"));
        String pin;
        try {
            PrivateFiles.requireOwnerAlone(pinFile);
            pin = Files.readString(pinFile).strip();
        } catch (NoSuchFileException e) {
            throw fault("pin-file", pinFile + " does not exist; write the token's user PIN to it");
        } catch (IOException e) {
            throw fault("pin-file", e.getMessage());
        }
        String token = text("token");
        String label = text("label");
        List<String> named = List.of(library.toString(), token, label);
        KeyPair keys = OPENED.get(named);
        if (keys == null) {
            try {
                keys = new Pkcs11Token(library, token, label, pin).keys();
            } catch (IOException e) {
                throw new IOException(file + ": " + e.getMessage() + ".", e);
            }
            OPENED.put(named, keys);
        }
        return keys;
    }

    private String text(String key) throws IOException {
        if (!(toml.get(List.of(key)) instanceof String text) || text.isEmpty()) {
            throw fault(key, toml.contains(List.of(key)) ? "must be a text in quotes" : "is required");
        }
        return text;
    }

    private IOException fault(String key, String why) {
        int line =
                toml.contains(List.of(key)) ? toml.inputPositionOf(List.of(key)).line() : 1;
        return new IOException(file + ":" + line + ": " + key + ": " + why + ".");
    }
}
