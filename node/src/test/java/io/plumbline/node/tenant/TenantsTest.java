package io.plumbline.node.tenant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.node.http.HttpException;
import io.plumbline.node.http.HttpExchange;
import io.plumbline.node.http.HttpHandler;
import io.plumbline.node.network.Event;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Keys let tenants in, each may ask for so much, and clients are told; by clocks that the test moves. */
class TenantsTest {
    private static final long SECOND = 1_000_000_000;

    @TempDir
    Path folder;

    private final AtomicLong nanos = new AtomicLong();
    private final AtomicReference<Instant> wall = new AtomicReference<>(Instant.parse("2026-11-26T23:00:00Z"));
    private final List<Event> events = new ArrayList<>();
    private Path file;
    private Tenants tenants;

    @BeforeEach
    void name() {
        file = folder.resolve("api-keys.json");
    }

    @AfterEach
    void close() {
        if (tenants != null) {
            tenants.close();
        }
    }

    private String key(String name, Quota quota, String... models) throws IOException {
        return TenantFile.add(file, name, quota, Set.of(models), "2026-11-26");
    }

    private void start() throws IOException {
        tenants = new Tenants(file, folder, 2, events::add, nanos::get, wall::get);
    }

    /** A request with headers, and what came back. */
    private static final class Asked implements HttpExchange {
        private final Map<String, String> headers;
        private final Map<String, String> answered = new HashMap<>();
        private Admission admission;
        private volatile Runnable onGone;

        Asked(Map<String, String> headers) {
            this.headers = headers;
        }

        static Asked by(String key) {
            return new Asked(Map.of("Authorization", "Bearer " + key));
        }

        @Override
        public String method() {
            return "POST";
        }

        @Override
        public String query(String name) {
            return null;
        }

        @Override
        public String parameter(String name) {
            return null;
        }

        @Override
        public String requestHeader(String name) {
            return headers.get(name);
        }

        @Override
        public byte[] body() {
            throw new AssertionError("no body is read here");
        }

        @Override
        public byte[] body(int most) {
            throw new AssertionError("no body is read here");
        }

        @Override
        public void hold(long bytes) {
            throw new AssertionError("no memory is held here");
        }

        @Override
        public <T> void attach(Class<T> type, T value) {
            admission = (Admission) value;
        }

        @Override
        public <T> T attached(Class<T> type) {
            return type.cast(admission);
        }

        @Override
        public void responseHeader(String name, String value) {
            answered.put(name, value);
        }

        @Override
        public void send(int status, byte[] body) {}

        @Override
        public OutputStream stream(int status) {
            return OutputStream.nullOutputStream();
        }

        @Override
        public void onClientGone(Runnable action) {
            onGone = action;
        }
    }

    private Asked ask(String key, HttpHandler handler) throws IOException {
        Asked asked = Asked.by(key);
        tenants.guard(handler, true).handle(asked);
        return asked;
    }

    /** A request that may take so many tokens, and uses so many. */
    private Asked ask(String key, long may, long uses) throws IOException {
        return ask(key, http -> {
            Admission.of(http).begin(http, 1, may, 0);
            Admission.of(http).used(new Usage(1, uses, 0, 0));
        });
    }

    private HttpException refused(String key, long may) {
        return assertThrows(HttpException.class, () -> ask(key, may, may));
    }

    @Test
    void aKeyLetsInByEitherHeaderAndAnotherByNone() throws IOException {
        String key = key("app", Quota.UNLIMITED);
        start();
        HttpHandler handler = tenants.guard(http -> http.responseHeader("was", "here"), true);
        for (Map<String, String> good : List.of(
                Map.of("Authorization", "Bearer " + key),
                Map.of("Authorization", "bearer " + key),
                Map.of("x-api-key", key))) {
            Asked asked = new Asked(good);
            handler.handle(asked);
            assertEquals("here", asked.answered.get("was"));
        }
        for (Map<String, String> wrong : List.of(
                Map.<String, String>of(),
                Map.of("Authorization", "Bearer " + key + "x"),
                Map.of("Authorization", "Bearer " + key.substring(1)),
                Map.of("Authorization", "Basic " + key),
                Map.of("Authorization", "Bearer "),
                Map.of("x-api-key", ApiKey.random()),
                Map.of("x-api-key", ApiKey.hash(key).toString()))) {
            Asked asked = new Asked(wrong);
            HttpException refusal = assertThrows(HttpException.class, () -> handler.handle(asked), wrong.toString());
            assertEquals(401, refusal.status());
            assertEquals("invalid_api_key", refusal.code());
            assertEquals("Bearer", refusal.headers().get("WWW-Authenticate"));
            assertFalse(refusal.getMessage().contains(key));
            assertNull(asked.answered.get("was"));
        }
    }

    @Test
    void requestsAMinuteAreCountedAndClientsToldWhenToComeBack() throws IOException {
        String key = key("app", new Quota(2, 0, 0, 0));
        start();
        Asked first = ask(key, 0, 0);
        assertEquals("2", first.answered.get("x-ratelimit-limit-requests"));
        assertEquals("1", first.answered.get("x-ratelimit-remaining-requests"));
        assertEquals("30s", first.answered.get("x-ratelimit-reset-requests"));
        assertNull(first.answered.get("x-ratelimit-limit-tokens"));
        ask(key, 0, 0);
        HttpException refusal = refused(key, 0);
        assertEquals(429, refusal.status());
        assertEquals("rate_limit_exceeded", refusal.code());
        assertEquals("30", refusal.headers().get("Retry-After"));
        assertEquals("30000", refusal.headers().get("retry-after-ms"));
        assertEquals("0", refusal.headers().get("x-ratelimit-remaining-requests"));
        nanos.addAndGet(30 * SECOND);
        ask(key, 0, 0);
        // A look at what there is costs no request.
        tenants.guard(http -> {}, false).handle(Asked.by(key));
    }

    @Test
    void tokensAreReservedBeforeTheyAreComputedAndGivenBackWhereTheyAreNotUsed() throws IOException {
        String key = key("app", new Quota(0, 100, 0, 0));
        start();
        Asked first = ask(key, 90, 10);
        assertEquals("10", first.answered.get("x-ratelimit-remaining-tokens"), "while it is answered");
        Asked second = ask(key, 90, 90);
        assertEquals("0", second.answered.get("x-ratelimit-remaining-tokens"));
        HttpException refusal = refused(key, 50);
        assertEquals("rate_limit_exceeded", refusal.code());
        assertEquals("30", refusal.headers().get("Retry-After"));
        HttpException never = refused(key, 101);
        assertEquals(429, never.status());
        assertEquals("false", never.headers().get("x-should-retry"));
        assertTrue(never.getMessage().contains("max_tokens"), never.getMessage());
        nanos.addAndGet(30 * SECOND);
        ask(key, 50, 50);
    }

    @Test
    void aRequestThatFailsCostsNoTokens() throws IOException {
        String key = key("app", new Quota(0, 100, 100, 1));
        start();
        for (int i = 0; i < 3; i++) {
            assertThrows(
                    IOException.class,
                    () -> ask(key, http -> {
                        Admission.of(http).begin(http, 1, 100, 0);
                        throw new IOException("no node is there");
                    }));
        }
        ask(key, 100, 100);
    }

    @Test
    void theDaysTokensEndTheDayAndSurviveARestart() throws IOException {
        String key = key("app", new Quota(0, 0, 100, 0));
        start();
        ask(key, 80, 80);
        tenants.close();
        start();
        HttpException refusal = refused(key, 30);
        assertEquals("insufficient_quota", refusal.code());
        assertEquals("3600", refusal.headers().get("Retry-After"));
        assertTrue(refusal.getMessage().contains("of which 20 are left"), refusal.getMessage());
        wall.set(Instant.parse("2026-11-27T00:00:00Z"));
        ask(key, 30, 30);
    }

    @Test
    void aBudgetIsHeldBeforeAnythingIsComputedAndChargedWhatItCost() throws IOException {
        String key = TenantFile.add(file, "app", new Quota(0, 1_000, 0, 0), 100, Set.of(), "2026-11-26");
        start();
        ask(key, http -> {
            Admission.of(http).begin(http, 1, 10, 70);
            HttpException meanwhile = assertThrows(
                    HttpException.class,
                    () -> ask(key, other -> Admission.of(other).begin(other, 1, 500, 31)));
            assertEquals(402, meanwhile.status());
            assertEquals("insufficient_quota", meanwhile.code());
            assertTrue(meanwhile.getMessage().contains("and 30 of"), meanwhile.getMessage());
            assertTrue(meanwhile.getMessage().contains("api-key credit app AMOUNT"), meanwhile.getMessage());
            Admission.of(http).used(new Usage(1, 5, 5, 60));
            Admission.of(http).used(new Usage(1, 5, 5, 60));
        });
        assertThrows(
                IOException.class,
                () -> ask(key, http -> {
                    Admission.of(http).begin(http, 1, 10, 40);
                    throw new IOException("no node is there");
                }));
        Asked left = ask(key, http -> {
            assertEquals(40, Admission.of(http).told().left());
            assertEquals(60, Admission.of(http).told().usage().total().cost());
            Admission.of(http).begin(http, 1, 10, 40);
        });
        assertEquals("980", left.answered.get("x-ratelimit-remaining-tokens"), "a refusal gives its tokens back");
        TenantFile.credit(file, "app", 50);
        look();
        ask(key, http -> Admission.of(http).begin(http, 1, 10, 90));
        tenants.close();
        start();
        ask(key, http -> assertEquals(90, Admission.of(http).told().left(), "after a restart"));
    }

    @Test
    void aPaymentOnTheLedgerNamesItsTenantAndNothingOfItsKey() throws IOException {
        String key = TenantFile.add(file, "app", Quota.UNLIMITED, 0, Set.of(), "2026-11-26");
        start();
        ask(key, http -> assertNull(Admission.of(http).told().payee(), "here nobody takes payments"));
        assertEquals(
                402,
                assertThrows(
                                HttpException.class,
                                () -> ask(key, http -> Admission.of(http).begin(http, 1, 1, 1)))
                        .status());
        tenants.takePayments(new Bytes32(1, 2, 3, 4));
        Bytes32[] reference = new Bytes32[1];
        ask(key, http -> {
            Admission.Told told = Admission.of(http).told();
            assertEquals(new Bytes32(1, 2, 3, 4).toString(), told.payee());
            reference[0] = Bytes32.of(HexFormat.of().parseHex(told.reference()));
        });
        assertFalse(reference[0].equals(ApiKey.hash(key)));
        assertEquals("app", tenants.named(reference[0]));
        assertNull(tenants.named(new Bytes32(0, 0, 0, 0)));
        tenants.credit(reference[0], 30, 256);
        tenants.credit(new Bytes32(0, 0, 0, 0), 30, 257);
        assertEquals(256, tenants.lastPayment());
        ask(key, http -> Admission.of(http).begin(http, 1, 1, 30));
    }

    @Test
    void atMostSoManyAreUnderWayForATenant() throws IOException {
        String key = key("app", new Quota(0, 0, 0, 1));
        String other = key("other", Quota.UNLIMITED);
        start();
        ask(key, http -> {
            HttpException refusal = refused(key, 1);
            assertEquals(429, refusal.status());
            assertEquals("1", refusal.headers().get("Retry-After"));
            ask(other, 1, 1);
        });
        ask(key, 1, 1);
    }

    @Test
    void aKeyIsForItsModelsAlone() throws IOException {
        String key = key("app", Quota.UNLIMITED, "stories");
        start();
        ask(key, http -> {
            assertTrue(Admission.of(http).mayAsk("stories"));
            assertFalse(Admission.of(http).mayAsk("other"));
        });
        assertTrue(Admission.of(new Asked(Map.of())).mayAsk("other"), "where there are no tenants");
    }

    @Test
    void aClientThatGoesWhileItWaitsLeavesItsPlaceToTheNext() throws Exception {
        String key = key("app", Quota.UNLIMITED);
        start();
        CountDownLatch answer = new CountDownLatch(1);
        List<Thread> running = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            Asked asked = Asked.by(key);
            running.add(Thread.startVirtualThread(() -> handle(asked, answer)));
            awaitTurnAsked(asked);
        }
        Asked gone = Asked.by(key);
        AtomicReference<Throwable> told = new AtomicReference<>();
        Thread waits = Thread.ofVirtual().unstarted(() -> handle(gone, answer));
        waits.setUncaughtExceptionHandler((thread, failure) -> told.set(failure));
        waits.start();
        awaitTurnAsked(gone);
        assertFalse(waits.join(Duration.ofMillis(200)), "two are answered, it is the third");
        gone.onGone.run();
        assertTrue(waits.join(Duration.ofSeconds(120)));
        assertTrue(told.get() instanceof HttpException refusal && refusal.status() == 503, "" + told.get());
        answer.countDown();
        for (Thread thread : running) {
            assertTrue(thread.join(Duration.ofSeconds(120)));
        }
        ask(key, 1, 1);
    }

    private void handle(Asked asked, CountDownLatch answer) {
        try {
            tenants.guard(
                            http -> {
                                Admission.of(http).begin(http, 1, 10, 0);
                                try {
                                    answer.await(120, TimeUnit.SECONDS);
                                } catch (InterruptedException e) {
                                    throw new AssertionError(e);
                                }
                            },
                            true)
                    .handle(asked);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static void awaitTurnAsked(Asked asked) throws InterruptedException {
        for (int i = 0; i < 1000 && asked.onGone == null; i++) {
            Thread.sleep(10);
        }
    }

    @Test
    void aChangedFileIsReadAgainAndADamagedOneLeavesWhatWas() throws IOException {
        String key = key("app", new Quota(2, 0, 0, 0));
        start();
        ask(key, 0, 0);
        tenants.lookAgain();
        assertEquals(List.of(), events, "nothing has changed");
        String late = key("late", Quota.UNLIMITED);
        look();
        ask(late, 0, 0);
        Asked asked = ask(key, 0, 0);
        assertEquals("0", asked.answered.get("x-ratelimit-remaining-requests"), "what was used stays used");
        assertEquals("tenants: 2", ((Event.Renewed) events.getLast()).what());
        String good = Files.readString(file);
        Files.writeString(file, good.substring(0, good.length() / 2));
        look();
        assertTrue(events.getLast() instanceof Event.Warning warning
                && warning.message().contains(file.toString()));
        ask(late, 0, 0);
        int told = events.size();
        look();
        assertEquals(told, events.size(), "it is told once");
        Files.writeString(file, good);
        TenantFile.remove(file, "late");
        look();
        assertEquals(401, refused(late, 0).status());
    }

    /** Once to see that it changes, and once to see that it has changed. */
    private void look() {
        tenants.lookAgain();
        tenants.lookAgain();
    }

    @Test
    void timesAreWrittenAsOpenAiDoes() {
        assertEquals("0ms", RateHeaders.duration(0));
        assertEquals("120ms", RateHeaders.duration(120_000_000));
        assertEquals("7s", RateHeaders.duration(7 * SECOND));
        assertEquals("6m0s", RateHeaders.duration(360 * SECOND));
    }
}
