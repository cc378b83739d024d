package io.plumbline.ledger.cluster;

import io.aeron.archive.client.ArchiveException;
import io.aeron.exceptions.AeronException;
import io.aeron.exceptions.StorageSpaceException;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Which of the errors that Aeron reports end a member: it would go on, half dead, or try again and again. */
final class Fatal {
    private static final Pattern NEW_TERM = Pattern.compile("invalid newLeadershipTerm - this\\.appendPosition=(\\d+) <"
            + " termBaseLogPosition=(\\d+) .*logLeadershipTermId=(\\d+),.* leadershipTermId=(\\d+),");

    private Fatal() {}

    /**
     * Why a member with its data in {@code folder} cannot go on after this error, and what to do; null where it can.
     */
    static String reason(Path folder, Throwable error) {
        for (Throwable e = error; e != null; e = e.getCause()) {
            String said = String.valueOf(e.getMessage());
            if (said.contains("checksum mismatch")) {
                return "The log or a snapshot in " + folder + " is damaged: " + said + ". " + Snapshots.ADVICE;
            }
            if (endsBeforeItsTerm(said)) {
                return "The end of the log in " + folder + " is missing, its disk is damaged: " + said + ". "
                        + Snapshots.ADVICE;
            }
            if (isOfSpace(e, said)) {
                return "The disk of " + folder + " is full: " + said
                        + ". Nothing that was acknowledged is lost. Make room and start it again.";
            }
            if (e instanceof AeronException aeron && aeron.category() == AeronException.Category.FATAL) {
                return "The media driver of " + folder + " or a client of it has ended: " + said
                        + ". Most likely the process had no processor for seconds. Start it again.";
            }
            if (e instanceof OutOfMemoryError) {
                return "The process that keeps " + folder + " has run out of memory: " + said
                        + ". Start it with a larger heap: -Xmx.";
            }
            // Files are mapped: a page that cannot be written or read comes as this.
            if (e instanceof InternalError) {
                return "A file in " + folder + " cannot be written or read, its disk is full or damaged: " + said
                        + ". Look at the disk, and start it again.";
            }
        }
        return null;
    }

    /**
     * A member that has noted a term has the log up to its begin. One whose log ends before it, as damage may look,
     * would be told of the term again and again.
     */
    private static boolean endsBeforeItsTerm(String said) {
        Matcher told = NEW_TERM.matcher(said);
        return told.find()
                && Long.parseLong(told.group(1)) < Long.parseLong(told.group(2))
                && told.group(3).equals(told.group(4));
    }

    private static boolean isOfSpace(Throwable e, String said) {
        return StorageSpaceException.isStorageSpaceError(e)
                || e instanceof ArchiveException archive && archive.errorCode() == ArchiveException.STORAGE_SPACE
                || said.contains("insufficient usable storage");
    }
}
