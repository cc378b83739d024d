package io.plumbline.node.tenant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The file of API keys: what it keeps, who may read it, and what is wrong with one that is damaged. */
class TenantFileTest {
    private static final Quota QUOTA = new Quota(60, 10_000, 1_000_000, 4);

    @TempDir
    Path folder;

    private Path file;

    @BeforeEach
    void name() {
        file = folder.resolve("keys").resolve("api-keys.json");
    }

    @Test
    void aKeyIsKeptAsAHashAndFoundByIt() throws IOException {
        String secret = TenantFile.add(file, "app", QUOTA, Set.of("stories"), "2026-11-26");
        assertTrue(secret.startsWith(ApiKey.PREFIX));
        assertEquals(43, secret.length() - ApiKey.PREFIX.length(), "256 bits in base64");
        String text = Files.readString(file);
        assertFalse(text.contains(secret.substring(ApiKey.PREFIX.length())), text);
        assertEquals(
                List.of(new Tenant(
                        "app", ApiKey.hash(secret), "2026-11-26", QUOTA, Tenant.NO_BUDGET, Set.of("stories"))),
                TenantFile.read(file));
        String other = TenantFile.add(file, "other", Quota.UNLIMITED, Set.of(), "2026-11-26");
        assertNotEquals(secret, other);
        assertEquals(2, TenantFile.read(file).size());
        TenantFile.remove(file, "app");
        assertEquals("other", TenantFile.read(file).getFirst().name());
    }

    @Test
    void itsOwnerAloneReadsItAndNoHalfOfItIsLeft() throws IOException {
        TenantFile.add(file, "app", QUOTA, Set.of(), "2026-11-26");
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
        try (Stream<Path> all = Files.list(file.getParent())) {
            assertEquals(
                    Set.of("api-keys.json", "api-keys.json.lock"),
                    new HashSet<>(all.map(one -> one.getFileName().toString()).toList()));
        }
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
        String refusal =
                assertThrows(IOException.class, () -> TenantFile.read(file)).getMessage();
        assertTrue(refusal.contains("chmod 600 " + file), refusal);
    }

    @Test
    void aBudgetIsAddedToAndOneThatThereIsNotIsNot() throws IOException {
        TenantFile.add(file, "prepaid", QUOTA, 0, Set.of(), "2026-11-26");
        TenantFile.add(file, "free", QUOTA, Set.of(), "2026-11-26");
        assertEquals(500, TenantFile.credit(file, "prepaid", 500));
        assertEquals(700, TenantFile.credit(file, "prepaid", 200));
        assertEquals(700, TenantFile.read(file).getFirst().budget());
        assertFalse(TenantFile.read(file).getLast().hasBudget());
        for (long wrong : new long[] {0, -1, Long.MAX_VALUE, Tenant.MOST_BUDGET}) {
            assertThrows(IOException.class, () -> TenantFile.credit(file, "prepaid", wrong), "" + wrong);
        }
        String none = assertThrows(IOException.class, () -> TenantFile.credit(file, "free", 1))
                .getMessage();
        assertTrue(none.contains("free has no budget"), none);
        String unknown = assertThrows(IOException.class, () -> TenantFile.credit(file, "nobody", 1))
                .getMessage();
        assertTrue(unknown.contains("has no tenant nobody"), unknown);
        assertEquals(700, TenantFile.read(file).getFirst().budget());
    }

    @Test
    void aNameIsTakenOnceAndRevokedOnce() throws IOException {
        TenantFile.add(file, "app", QUOTA, Set.of(), "2026-11-26");
        String twice = assertThrows(IOException.class, () -> TenantFile.add(file, "app", QUOTA, Set.of(), "2026-11-26"))
                .getMessage();
        assertTrue(twice.contains("api-key revoke app"), twice);
        assertThrows(IOException.class, () -> TenantFile.remove(file, "nobody"));
        assertEquals(1, TenantFile.read(file).size());
        for (String name : List.of("", "a b", "../a", "-a", "a".repeat(65))) {
            assertThrows(
                    IllegalArgumentException.class,
                    () -> TenantFile.add(file, name, QUOTA, Set.of(), "2026-11-26"),
                    name);
        }
    }

    @Test
    void whatIsWrongIsNamed() throws IOException {
        TenantFile.add(file, "app", QUOTA, Set.of(), "2026-11-26");
        String good = Files.readString(file);
        String hash = good.replaceAll("(?s).*\"key_hash\" : \"([0-9a-f]{64})\".*", "$1");
        assertRefused("not a file of API keys", "");
        assertRefused("no list \"tenants\"", "{}");
        assertRefused("line 2", good.replace("{\n", "{\n,"));
        assertRefused("requests_per_hour", good.replace("requests_per_minute", "requests_per_hour"));
        assertRefused("tenant 1", good.replace(hash, hash.substring(2)));
        assertRefused("tokens-per-day is -5", good.replace("1000000", "-5"));
        assertRefused("Duplicate", good.replace("\"concurrent\" :", "\"name\" : \"b\", \"concurrent\" :"));
        String entry = good.substring(good.indexOf("{", 1), good.lastIndexOf("}", good.length() - 3) + 1);
        assertRefused("tenant 2: its name or its key stands twice", good.replace(entry, entry + "," + entry));
        Files.delete(file);
        String missing =
                assertThrows(IOException.class, () -> TenantFile.read(file)).getMessage();
        assertTrue(missing.contains("api-key new NAME --file " + file), missing);
    }

    private void assertRefused(String why, String text) throws IOException {
        Files.writeString(file, text);
        String refusal = assertThrows(IOException.class, () -> TenantFile.read(file), text)
                .getMessage();
        assertTrue(refusal.contains(why) && refusal.startsWith(file.toString()), refusal);
    }
}
