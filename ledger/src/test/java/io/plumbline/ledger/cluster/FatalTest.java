package io.plumbline.ledger.cluster;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class FatalTest {
    private static final Path FOLDER = Path.of("full");

    private static String newTerm(long appended, long base, int ownTerm) {
        return "ERROR - invalid newLeadershipTerm - this.appendPosition=" + appended + " < termBaseLogPosition=" + base
                + " and nextLeadershipTermId=-1, logLeadershipTermId=" + ownTerm + ", nextTermBaseLogPosition=-1,"
                + " nextLogPosition=-1, leadershipTermId=11, termBaseLogPosition=" + base + ", logPosition=3529760";
    }

    /** Aeron tells the member of the term again and again, and it would stay for ever. */
    @Test
    void aLogThatEndsBeforeTheTermItWasInIsDamaged() {
        String why = Fatal.reason(FOLDER, new IllegalStateException(newTerm(532_896, 598_592, 11)));
        assertTrue(why.contains("damaged") && why.contains("Empty this member's folder"), why);
        assertNull(Fatal.reason(FOLDER, new IllegalStateException(newTerm(532_896, 598_592, 10))), "it may catch up");
        assertNull(Fatal.reason(FOLDER, new IllegalStateException("something else")));
    }
}
