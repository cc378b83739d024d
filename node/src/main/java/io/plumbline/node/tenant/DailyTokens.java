package io.plumbline.node.tenant;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.plumbline.verifier.platform.PrivateFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.TreeMap;

/**
 * Tokens that each tenant has had since midnight UTC. They are kept in a file, so that a restart gives nobody a second
 * day: written every few seconds, whole or not at all, with what is promised to requests under way. Any thread may
 * call.
 */
final class DailyTokens {
    private static final ObjectMapper MAPPER = JsonMapper.builder().build();

    private final Path file;
    private final TreeMap<String, Long> tokens = new TreeMap<>();
    private LocalDate day;
    private boolean isChanged;

    private record Content(String day, Map<String, Long> tokens) {}

    /**
     * Reads what was written last, if it is of today.
     *
     * @throws IOException where the file is damaged: to begin anew would give away a day's tokens unasked.
     */
    DailyTokens(Path file, Instant now) throws IOException {
        this.file = file;
        this.day = day(now);
        if (!Files.exists(file)) {
            return;
        }
        try {
            Content content = MAPPER.readValue(Files.readAllBytes(file), Content.class);
            if (LocalDate.parse(content.day).equals(day)) {
                tokens.putAll(content.tokens);
            }
        } catch (IOException | RuntimeException e) {
            throw new IOException(
                    file + " is damaged: it does not say any more how many tokens each tenant has had today. Restore"
                            + " it, or delete it to let the day begin anew.",
                    e);
        }
    }

    private static LocalDate day(Instant now) {
        return LocalDate.ofInstant(now, ZoneOffset.UTC);
    }

    /** When the day of {@code now} ends. */
    static Instant end(Instant now) {
        return day(now).plusDays(1).atStartOfDay(ZoneOffset.UTC).toInstant();
    }

    private void turnTo(Instant now) {
        if (!day(now).equals(day)) {
            day = day(now);
            tokens.clear();
            isChanged = true;
        }
    }

    /** Takes tokens, if there are not more than {@code most} with them; {@code most} of 0 is no limit. */
    synchronized boolean take(String tenant, long count, long most, Instant now) {
        turnTo(now);
        long after = tokens.getOrDefault(tenant, 0L) + count;
        if (most > 0 && after > most) {
            return false;
        }
        tokens.put(tenant, after);
        isChanged = true;
        return true;
    }

    /** Gives back what was taken at {@code taken} and not used; nothing, where that was another day. */
    synchronized void giveBack(String tenant, long count, Instant taken, Instant now) {
        turnTo(now);
        if (day(taken).equals(day)) {
            tokens.merge(tenant, -count, (had, less) -> Math.max(0, had + less));
            isChanged = true;
        }
    }

    /** How many a tenant has had today. */
    synchronized long of(String tenant, Instant now) {
        turnTo(now);
        return tokens.getOrDefault(tenant, 0L);
    }

    /** Writes the counts, where they have changed. */
    synchronized void save() throws IOException {
        if (isChanged) {
            PrivateFiles.write(file, MAPPER.writeValueAsBytes(new Content(day.toString(), tokens)));
            isChanged = false;
        }
    }
}
