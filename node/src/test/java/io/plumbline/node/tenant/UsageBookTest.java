package io.plumbline.node.tenant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What tenants use and spend is kept whatever ends the process, and no budget goes below nothing. */
class UsageBookTest {
    private static final Instant MORNING = Instant.parse("2026-11-26T08:00:00Z");
    private static final Tenant APP = tenant("app", 1_000);
    private static final Tenant FREE = tenant("free", Tenant.NO_BUDGET);

    @TempDir
    Path folder;

    private Path file;

    @BeforeEach
    void name() {
        file = folder.resolve("usage.jsonl");
    }

    private static Tenant tenant(String name, long budget) {
        return new Tenant(name, ApiKey.hash(ApiKey.random()), "2026-11-26", Quota.UNLIMITED, budget, Set.of());
    }

    private static Usage cost(long cost) {
        return new Usage(1, 10, 20, cost);
    }

    private static void spend(UsageBook book, Tenant tenant, long most, long cost, Instant at) {
        assertTrue(book.hold(tenant, most));
        book.settle(tenant, most, cost(cost), at);
    }

    @Test
    void whatIsUsedIsToldByDayAndInAll() throws IOException {
        UsageBook book = new UsageBook(file, MORNING);
        Instant later = MORNING.plus(Duration.ofDays(1));
        spend(book, FREE, 100, 60, MORNING);
        spend(book, FREE, 100, 50, MORNING);
        spend(book, FREE, 100, 7, later);
        TenantUsage told = book.of(FREE);
        assertEquals(new Usage(3, 30, 60, 117), told.total());
        assertEquals(new Usage(2, 20, 40, 110), told.days().get("2026-11-26"));
        assertEquals(new Usage(1, 10, 20, 7), told.days().get("2026-11-27"));
        assertEquals(0, told.charged(), "it has no budget");
        assertEquals(List.of(told), UsageBook.report(file), "the operator reads the same while the server runs");
    }

    @Test
    void aProcessThatIsKilledForgetsNothingThatEndedAndGivesBackWhatWasUnderWay() throws IOException {
        UsageBook killed = new UsageBook(file, MORNING);
        spend(killed, APP, 500, 300, MORNING);
        assertTrue(killed.hold(APP, 700));
        assertFalse(killed.hold(APP, 1));
        // It is not closed, and nothing was saved.
        UsageBook after = new UsageBook(file, MORNING);
        assertEquals(700, after.left(APP));
        assertEquals(300, after.of(APP).charged());
    }

    @Test
    void aLineThatWasNotWholeGoesAndADamagedOneIsNotTakenForNothing() throws IOException {
        UsageBook before = new UsageBook(file, MORNING);
        spend(before, APP, 100, 40, MORNING);
        String whole = Files.readString(file);
        Files.writeString(file, "{\"tenant\":\"app\",\"key\":\"ab", StandardOpenOption.APPEND);
        UsageBook after = new UsageBook(file, MORNING);
        spend(after, APP, 100, 5, MORNING);
        assertEquals(955, new UsageBook(file, MORNING).left(APP));
        for (String damage : new String[] {"\n{\"tenant\"\n", "{\"tenant\":\"a\",\"key\":\"b\",\"cost\":-5}\n"}) {
            Files.writeString(file, damage + whole);
            String refusal = assertThrows(IOException.class, () -> new UsageBook(file, MORNING))
                    .getMessage();
            assertTrue(refusal.contains(file + " is damaged, line 1"), refusal);
        }
    }

    @Test
    void aBudgetIsNeverOverspentHoweverManyAskAtOnce() throws Exception {
        UsageBook book = new UsageBook(file, MORNING);
        long seed = System.nanoTime();
        AtomicLong spent = new AtomicLong();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            Random random = new Random(seed + i);
            threads.add(Thread.ofPlatform().start(() -> {
                for (int n = 0; n < 200; n++) {
                    long most = 1 + random.nextInt(30);
                    if (book.hold(APP, most)) {
                        long cost = random.nextInt((int) most + 1);
                        Thread.yield();
                        book.settle(APP, most, cost(cost), MORNING);
                        spent.addAndGet(cost);
                    }
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertTrue(spent.get() <= 1_000, "seed " + seed + ": " + spent + " spent");
        assertTrue(spent.get() > 900, "seed " + seed + ": only " + spent + " spent");
        assertEquals(1_000 - spent.get(), book.left(APP));
        assertEquals(1_000 - spent.get(), new UsageBook(file, MORNING).left(APP));
    }

    @Test
    void aReceiptAboveWhatWasHeldIsNotChargedBeyondIt() throws IOException {
        UsageBook book = new UsageBook(file, MORNING);
        spend(book, APP, 100, 5_000, MORNING);
        assertEquals(900, book.left(APP));
        assertEquals(5_000, book.of(APP).total().cost(), "it is told all the same");
    }

    /** Answers whose nodes are silent fill what the ledger is asked for: none may fill it for others. */
    @Test
    void aTenantOfWhichTooManyAnswersAreOpenWaits() throws Exception {
        UsageBook book = new UsageBook(file, MORNING);
        List<CompletableFuture<Long>> open = new ArrayList<>();
        for (int i = 0; i < UsageBook.MOST_OPEN; i++) {
            assertFalse(book.isFull(APP));
            CompletableFuture<Long> cost = new CompletableFuture<>();
            open.add(cost);
            assertFalse(book.open(APP, new Rest(10, 1, () -> cost)).isDone());
        }
        assertTrue(book.isFull(APP));
        assertFalse(book.isFull(tenant("other", 10)));
        open.getFirst().complete(0L);
        assertFalse(book.isFull(APP), "one of them has ended");
    }

    @Test
    void whoHasSpentAllThatWasPaidTakesNoPlaceOfOthers() throws IOException {
        UsageBook book = new UsageBook(file, MORNING);
        Tenant payer = tenant("payer", 0);
        book.credit(payer, 100, 7, MORNING);
        assertEquals(1, book.withCredit());
        assertTrue(book.hold(payer, 100));
        assertEquals(1, book.withCredit(), "it may be given back");
        book.settle(payer, 100, cost(100), MORNING);
        assertEquals(0, book.withCredit());
        assertTrue(book.knows(payer));
    }

    @Test
    void aPaymentIsCountedOnceOverRestarts() throws IOException {
        UsageBook book = new UsageBook(file, MORNING);
        book.credit(APP, 400, 128, MORNING);
        book.credit(APP, 400, 128, MORNING);
        assertEquals(1_400, book.left(APP));
        UsageBook after = new UsageBook(file, MORNING);
        assertEquals(128, after.lastPayment());
        after.credit(APP, 400, 128, MORNING);
        after.credit(APP, 1, 129, MORNING);
        assertEquals(1_401, after.left(APP));
        assertEquals(401, after.of(APP).paid());
    }

    @Test
    void anotherKeyOfATenantBeginsItsBudgetAnew() throws IOException {
        UsageBook book = new UsageBook(file, MORNING);
        spend(book, APP, 900, 900, MORNING);
        Tenant again = tenant("app", 500);
        assertEquals(500, book.left(again));
        assertEquals(900, book.of(again).total().cost(), "what the tenant has used is told on");
    }

    @Test
    void theFileIsBoundedByTenantsAndDaysWhateverTheyAsk() throws IOException {
        UsageBook book = new UsageBook(file, MORNING);
        Instant at = MORNING;
        for (int day = 0; day < 40; day++) {
            for (int n = 0; n < 20; n++) {
                spend(book, FREE, 10, 1, at);
            }
            at = at.plus(Duration.ofDays(1));
            book.save(at);
        }
        assertTrue(Files.readAllLines(file).size() <= UsageBook.DAYS + 1, Files.readString(file));
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
        TenantUsage told = UsageBook.report(file).getFirst();
        assertEquals(800, told.total().answers(), "what is older is in the total");
        assertTrue(told.days().size() <= UsageBook.DAYS);
        spend(book, FREE, 10, 1, at);
        assertEquals(801, new UsageBook(file, at).of(FREE).total().answers(), "it goes on in the file written anew");
    }

    @Test
    void whatCannotBeWrittenIsWrittenOnceItCan() throws IOException {
        UsageBook book = new UsageBook(file, MORNING);
        book.close();
        spend(book, APP, 100, 70, MORNING);
        spend(book, APP, 100, 10, MORNING);
        assertEquals(920, book.left(APP));
        book.save(MORNING);
        assertEquals(920, new UsageBook(file, MORNING).left(APP));
    }
}
