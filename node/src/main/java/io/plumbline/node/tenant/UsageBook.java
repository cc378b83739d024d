package io.plumbline.node.tenant;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.plumbline.verifier.platform.PrivateFiles;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;

/**
 * What tenants have used, by day, and what their budgets have left. A line is appended when an answer ends, before its
 * client can ask for the next, so a process that is killed forgets none; now and then the file is written anew with the
 * same sums. What requests under way hold of a budget is in memory alone: a crash gives it back. Any thread may call.
 */
public final class UsageBook implements AutoCloseable {
    /** Days that are told one by one; older ones are in the total. */
    public static final int DAYS = 31;

    /** Appended since the file was written anew, at most. */
    private static final long MOST_APPENDED = 4 << 20;

    /** Answers of one key whose cost is certain later, at most: a further one waits. */
    static final int MOST_OPEN = 4_096;

    private static final int KEY_DIGITS = 16;
    private static final ObjectMapper MAPPER = JsonMapper.builder().build();

    private final Path file;
    private final Map<Slot, UsageLine> sums = new LinkedHashMap<>();
    private final Map<Slot, Balance> balances = new HashMap<>();
    private FileChannel channel;
    private long appended;

    /** All payments up to this number are counted, or too old to be. */
    private long countedUpTo;

    /** Numbers of the payments beyond it that are counted: one may be shown later than others that came after it. */
    private final NavigableSet<Long> counted = new TreeSet<>();

    private String today;
    private boolean isUnforced;
    private boolean isUnwritten;

    private record Slot(String tenant, String key, String day) {
        /** Of all days: what a budget is about. */
        static Slot of(String tenant, String key) {
            return new Slot(tenant, key, null);
        }
    }

    /** Of one key. */
    private static final class Balance {
        private long charged;
        private long paid;
        private long held;

        /** Answers whose cost is certain later. */
        private int open;

        private long left(long budget) {
            return Math.max(0, Usage.sum(budget, paid) - charged - held);
        }
    }

    /**
     * Reads what was written last. A line that was not whole when the process ended was acknowledged to nobody, and
     * goes.
     *
     * @throws IOException where the file is damaged: to begin anew would give away what is spent.
     */
    public UsageBook(Path file, Instant now) throws IOException {
        this.file = file;
        this.today = day(now);
        read(file).forEach(this::add);
        rewrite();
    }

    private static String day(Instant now) {
        return LocalDate.ofInstant(now, ZoneOffset.UTC).toString();
    }

    private static String key(Tenant tenant) {
        return tenant.keyHash().toString().substring(0, KEY_DIGITS);
    }

    private static List<UsageLine> read(Path file) throws IOException {
        List<UsageLine> lines = new ArrayList<>();
        if (!Files.exists(file)) {
            return lines;
        }
        String text = Files.readString(file);
        String whole = text.substring(0, text.lastIndexOf('\n') + 1);
        for (String line : whole.lines().toList()) {
            try {
                UsageLine read = MAPPER.readValue(line, UsageLine.class);
                if (read.day() != null) {
                    LocalDate.parse(read.day());
                }
                read.usage();
                lines.add(read);
            } catch (IOException | RuntimeException e) {
                throw new IOException(
                        file + " is damaged, line " + (lines.size() + 1) + ": it does not say any more what each"
                                + " tenant has used and spent. Restore it, or delete it to let all begin anew.",
                        e);
            }
        }
        return lines;
    }

    /**
     * The use of each tenant by a file, in the order of their names; a server may be writing it.
     *
     * @throws IOException where it is damaged.
     */
    public static List<TenantUsage> report(Path file) throws IOException {
        SortedMap<String, List<UsageLine>> byTenant = new TreeMap<>();
        for (UsageLine line : read(file)) {
            byTenant.computeIfAbsent(line.tenant(), name -> new ArrayList<>()).add(line);
        }
        List<TenantUsage> all = new ArrayList<>();
        byTenant.forEach((name, lines) -> {
            // Of the key that came last.
            String key = lines.getLast().key();
            all.add(usage(name, key, lines));
        });
        return all;
    }

    private static TenantUsage usage(String tenant, String key, Iterable<UsageLine> lines) {
        SortedMap<String, Usage> days = new TreeMap<>();
        Usage total = Usage.NONE;
        long charged = 0;
        long paid = 0;
        for (UsageLine line : lines) {
            total = total.plus(line.usage());
            if (line.day() != null && !line.usage().equals(Usage.NONE)) {
                days.merge(line.day(), line.usage(), Usage::plus);
            }
            if (line.key().equals(key)) {
                charged = Usage.sum(charged, line.charged());
                paid = Usage.sum(paid, line.paid());
            }
        }
        return new TenantUsage(tenant, days, total, charged, paid);
    }

    private void add(UsageLine line) {
        sums.merge(new Slot(line.tenant(), line.key(), line.day()), line, UsageLine::plus);
        Balance balance = balances.computeIfAbsent(Slot.of(line.tenant(), line.key()), slot -> new Balance());
        balance.charged = Usage.sum(balance.charged, line.charged());
        balance.paid = Usage.sum(balance.paid, line.paid());
        countedUpTo = Math.max(countedUpTo, line.payment());
        counted.addAll(line.counted());
    }

    private Balance balance(Tenant tenant) {
        return balances.computeIfAbsent(Slot.of(tenant.name(), key(tenant)), slot -> new Balance());
    }

    /** Holds the most that a request may cost, where the tenant's budget has so much left; a tenant may have none. */
    synchronized boolean hold(Tenant tenant, long most) {
        if (!tenant.hasBudget()) {
            return true;
        }
        if (most > left(tenant)) {
            return false;
        }
        balance(tenant).held += most;
        return true;
    }

    /** The rest of a tenant's budget, less what its requests under way hold. */
    synchronized long left(Tenant tenant) {
        // Looking must add none: anybody may look.
        Balance balance = balances.get(Slot.of(tenant.name(), key(tenant)));
        return balance == null ? tenant.budget() : balance.left(tenant.budget());
    }

    /** Whether as many answers of a tenant's are open as may. */
    synchronized boolean isFull(Tenant tenant) {
        Balance balance = balances.get(Slot.of(tenant.name(), key(tenant)));
        return balance != null && balance.open >= MOST_OPEN;
    }

    /** The cost of an answer that is certain later only; it is open until then. */
    CompletableFuture<Long> open(Tenant tenant, Rest rest) {
        Balance balance;
        synchronized (this) {
            balance = balance(tenant);
            balance.open += rest.answers();
        }
        return rest.cost().get().whenComplete((cost, fault) -> {
            synchronized (this) {
                balance.open -= rest.answers();
            }
        });
    }

    /** A request has ended: what it held is free again, and what it used is written down. */
    synchronized void settle(Tenant tenant, long held, Usage used, Instant now) {
        if (tenant.hasBudget()) {
            balance(tenant).held -= held;
        }
        if (!used.equals(Usage.NONE)) {
            // Never more than was held: a receipt above it was not what the request was let in for.
            long charged = tenant.hasBudget() ? Math.min(held, used.cost()) : 0;
            append(UsageLine.of(tenant.name(), key(tenant), day(now), used, charged, 0, 0, List.of()));
        }
    }

    /**
     * Money came in for a tenant.
     *
     * @param payment its number on the ledger; one that is counted already changes nothing.
     * @throws IOException where it is not on the disk yet: it is counted, and comes again after a restart.
     */
    synchronized void credit(Tenant tenant, long amount, long payment, Instant now) throws IOException {
        if (hasCounted(payment)) {
            return;
        }
        append(UsageLine.of(tenant.name(), key(tenant), day(now), Usage.NONE, 0, amount, 0, List.of(payment)));
        save(now);
    }

    /** Whether a tenant's key has been used or paid for. */
    synchronized boolean knows(Tenant tenant) {
        return balances.containsKey(Slot.of(tenant.name(), key(tenant)));
    }

    /** Whether a payment of this number is counted, or too old to be. */
    synchronized boolean hasCounted(long payment) {
        return payment <= countedUpTo || counted.contains(payment);
    }

    /** How many keys have something left of what was paid for them, or held by a request under way. */
    synchronized int withCredit() {
        return (int) balances.values().stream()
                .filter(balance -> balance.held > 0 || balance.left(0) > 0)
                .count();
    }

    /** How many keys have been used or paid for. */
    synchronized int count() {
        return balances.size();
    }

    /** The greatest number of a payment that was counted; 0 for none. */
    synchronized long lastPayment() {
        return counted.isEmpty() ? countedUpTo : Math.max(countedUpTo, counted.last());
    }

    synchronized TenantUsage of(Tenant tenant) {
        List<UsageLine> own = sums.values().stream()
                .filter(line -> line.tenant().equals(tenant.name()))
                .toList();
        return usage(tenant.name(), key(tenant), own);
    }

    private void append(UsageLine line) {
        add(line);
        if (isUnwritten) {
            return;
        }
        try {
            byte[] bytes = (MAPPER.writeValueAsString(line) + "\n").getBytes(StandardCharsets.UTF_8);
            for (ByteBuffer left = ByteBuffer.wrap(bytes); left.hasRemaining(); ) {
                channel.write(left);
            }
            appended += bytes.length;
            isUnforced = true;
        } catch (IOException e) {
            // A part of a line may stand there: nothing is put behind it, and the next save writes all anew.
            isUnwritten = true;
        }
    }

    /** Sees to it that all of it outlasts a failure of power. */
    synchronized void save(Instant now) throws IOException {
        String day = day(now);
        if (isUnwritten || appended > MOST_APPENDED || !day.equals(today)) {
            today = day;
            rewrite();
        } else if (isUnforced) {
            channel.force(false);
            isUnforced = false;
        }
    }

    private void rewrite() throws IOException {
        isUnwritten = true;
        String oldest = LocalDate.parse(today).minusDays(DAYS - 1L).toString();
        List<UsageLine> before = new ArrayList<>(sums.values());
        sums.clear();
        for (UsageLine line : before) {
            boolean isOld = line.day() != null && line.day().compareTo(oldest) < 0;
            UsageLine kept = isOld ? line.withoutDay() : line;
            sums.merge(new Slot(kept.tenant(), kept.key(), kept.day()), kept, UsageLine::plus);
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (UsageLine line : sums.values()) {
            out.write(MAPPER.writeValueAsBytes(line));
            out.write('\n');
        }
        PrivateFiles.write(file, out.toByteArray());
        if (channel != null) {
            channel.close();
        }
        channel = FileChannel.open(file, StandardOpenOption.APPEND);
        appended = 0;
        isUnforced = false;
        isUnwritten = false;
    }

    @Override
    public synchronized void close() throws IOException {
        channel.close();
    }
}
