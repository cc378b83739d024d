package io.plumbline.hardware;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * How a kind of device is used. The project's own are in profiles.json; an operator names another file by {@code
 * --profile}.
 *
 * @param name for people.
 * @param match parts of device names it is for; empty for any.
 * @param batchRows rows in a step: how much of a prompt runs between two tokens of the other answers.
 * @param maxSequences answers in progress.
 * @param queued requests that wait.
 * @param memoryShare of the memory that is free at the start, how much may be used.
 */
public record HardwareProfile(
        String name, List<String> match, int batchRows, int maxSequences, int queued, double memoryShare) {
    /** System property that names a file of profiles to look in first. */
    public static final String FILE_PROPERTY = "plumbline.profile";

    /** Rows that a device takes in a step: a prompt's and a token of each answer, in one dimension of a CUDA grid. */
    public static final int MOST_ROWS = 65_528;

    private static final String OWN = "profiles.json";

    public HardwareProfile {
        if (name == null || match == null || batchRows < 1 || maxSequences < 1 || queued < 1) {
            throw new IllegalArgumentException(
                    "a profile needs name, match, and batchRows, maxSequences and queued of at least 1");
        }
        if ((long) batchRows + maxSequences > MOST_ROWS) {
            throw new IllegalArgumentException(
                    "batchRows and maxSequences must be " + MOST_ROWS + " at most, added up");
        }
        if (!(memoryShare > 0 && memoryShare <= 1)) {
            throw new IllegalArgumentException("memoryShare must be above 0 and at most 1");
        }
    }

    /**
     * The first profile that is for {@code device}, from the operator's file, then from ours.
     *
     * @throws IOException naming the file and what is wrong in it.
     */
    public static HardwareProfile of(String device) throws IOException {
        String file = System.getProperty(FILE_PROPERTY);
        HardwareProfile own = file == null ? null : first(parse(file, Files.readAllBytes(Path.of(file))), device);
        return own != null ? own : first(shipped(), device);
    }

    /** The project's own profiles; the last is for any device. */
    public static List<HardwareProfile> shipped() {
        try (InputStream in = HardwareProfile.class.getResourceAsStream(OWN)) {
            return parse(OWN, in.readAllBytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static HardwareProfile first(List<HardwareProfile> profiles, String device) {
        return profiles.stream()
                .filter(p -> p.match().isEmpty() || p.match().stream().anyMatch(device::contains))
                .findFirst()
                .orElse(null);
    }

    private static List<HardwareProfile> parse(String file, byte[] json) throws IOException {
        try {
            return List.of(new ObjectMapper()
                    .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
                    .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
                    .readValue(json, HardwareProfile[].class));
        } catch (JsonProcessingException e) {
            throw new IOException(file + ": " + e.getOriginalMessage() + ", line "
                    + (e.getLocation() == null ? 0 : e.getLocation().getLineNr())
                    + ". It is a list of {name, match, batchRows, maxSequences, queued, memoryShare}.");
        }
    }
}
