package io.plumbline.ledger.cluster;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VoteFileTest {
    private static final int RECORD_BYTES = 84;

    @TempDir
    private Path folder;

    private static byte[] hash(int of) {
        byte[] hash = new byte[32];
        Arrays.fill(hash, (byte) of);
        return hash;
    }

    /** A disk may have made room for a record whose bytes never came: it was signed by nobody. */
    @ParameterizedTest
    @ValueSource(ints = {1, 40, RECORD_BYTES, RECORD_BYTES + 3})
    void aTornEndIsNoDamageNorBecomesOne(int torn) throws IOException {
        Path file = folder.resolve("votes");
        new VoteFile(file).vote(0, 0, hash(1));
        Files.write(file, new byte[torn], StandardOpenOption.APPEND);
        for (int start = 1; start < 4; start++) {
            VoteFile votes = new VoteFile(file);
            assertEquals(start - 1, votes.signed().number());
            votes.vote(0, start, hash(1 + start));
        }
        assertEquals(4 * RECORD_BYTES, Files.size(file));
        assertArrayEquals(hash(4), new VoteFile(file).signed().votes().get(0L));
    }

    /** It was on disk before it was signed, so whether it was cannot be told any more. */
    @Test
    void aLastRecordThatIsWholeAndDamagedIsNotTakenForATornOne() throws IOException {
        Path file = folder.resolve("votes");
        VoteFile votes = new VoteFile(file);
        votes.vote(0, 0, hash(1));
        votes.vote(0, 1, hash(2));
        byte[] bytes = Files.readAllBytes(file);
        for (int at = RECORD_BYTES; at < 2 * RECORD_BYTES; at++) {
            byte[] rotten = bytes.clone();
            rotten[at] ^= 4;
            Files.write(file, rotten);
            String why =
                    assertThrows(IOException.class, () -> new VoteFile(file)).getMessage();
            assertTrue(why.contains("damaged"), why);
        }
    }

    /** The seventh record lies across the first sector's end. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aRecordOfWhichOneSectorWasNeverWrittenIsTorn(boolean isFirstMissing) throws IOException {
        Path file = folder.resolve("votes");
        VoteFile votes = new VoteFile(file);
        for (int i = 0; i < 7; i++) {
            votes.vote(0, i, hash(1 + i));
        }
        byte[] bytes = Files.readAllBytes(file);
        if (isFirstMissing) {
            Arrays.fill(bytes, 6 * RECORD_BYTES, 512, (byte) 0);
        } else {
            Arrays.fill(bytes, 512, bytes.length, (byte) 0);
        }
        Files.write(file, bytes);
        assertEquals(5, new VoteFile(file).signed().number());
    }

    @Test
    void damageBeforeTheEndIsSaid() throws IOException {
        Path file = folder.resolve("votes");
        VoteFile votes = new VoteFile(file);
        for (int i = 0; i < 3; i++) {
            votes.vote(0, i, hash(i));
        }
        byte[] bytes = Files.readAllBytes(file);
        bytes[RECORD_BYTES + 5] ^= 1;
        Files.write(file, bytes);
        String why = assertThrows(IOException.class, () -> new VoteFile(file)).getMessage();
        assertTrue(why.contains("damaged"), why);
    }
}
