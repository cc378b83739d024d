package io.plumbline.ledger.state;

import io.plumbline.ledger.state.Command.AcceptDeal;
import io.plumbline.ledger.state.Command.ProveStorage;
import io.plumbline.ledger.state.StorageDeal.Phase;
import io.plumbline.ledger.state.StorageDeal.Role;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Blobs that are kept for pay: offers, rounds, challenges and what becomes of them. A challenge is drawn from a block's
 * certificate, and one that is left unanswered counts when a block that says so is certified: neither rests on what one
 * leader says the time is. All that follows from a challenge is checked here from the blob's id alone.
 */
final class StorageDeals {
    /** Deals that there may be, ended ones included: some 30 MB of a snapshot. */
    static final int MAX_DEALS = 100_000;

    /** Deals of one client, ended ones included. */
    static final int MAX_OF_CLIENT = 10_000;

    /** A deal's collateral is this part of the least stake at least, which bounds how many a stake may answer for. */
    private static final int LEAST_COLLATERAL_PARTS = 1_000;

    private record Party(Role role, Bytes32 account) {}

    /** One copy of a blob at one data node for one client: a second one of the same would be paid for nothing. */
    private record Copy(Bytes32 blob, Bytes32 client, Bytes32 node) {}

    private final Books books;
    private final Registry registry;
    private final Entries entries;
    private final NavigableMap<Long, StorageDeal> deals = new TreeMap<>();
    private final Map<Party, NavigableSet<Long>> byParty = new HashMap<>();
    private final Map<Bytes32, Integer> ofClients = new HashMap<>();
    private final Set<Copy> copies = new HashSet<>();

    /** Collateral by data node. */
    private final Map<Bytes32, Long> reserved = new HashMap<>();

    /** Deals that time moves on, by when. */
    private final NavigableMap<Long, TreeSet<Long>> deadlines = new TreeMap<>();

    /** Deals that a certificate moves on, by the number of its block. */
    private final NavigableMap<Long, TreeSet<Long>> waiting = new TreeMap<>();

    /** Money of all escrows. */
    private long escrows;

    StorageDeals(Books books, Registry registry, Entries entries) {
        this.books = books;
        this.registry = registry;
        this.entries = entries;
    }

    /**
     * Takes the price of all rounds into escrow, and what an entry costs.
     *
     * @param number of the deal, above those of all before.
     */
    String propose(Bytes32 client, StorageTerms terms, long number, Parameters parameters, long nowMs, long block) {
        String fault = terms.fault();
        if (fault != null) {
            return fault;
        }
        long least = parameters.minStake() / LEAST_COLLATERAL_PARTS;
        if (terms.collateral() < least) {
            return "a collateral of " + terms.collateral() + " is below the least, " + least;
        }
        if (!terms.isForAny() && !registry.isDataNode(terms.dataNode())) {
            return "there is no such data node";
        }
        if (deals.size() >= MAX_DEALS) {
            return "the ledger has " + MAX_DEALS + " storage deals, and takes no more until some have ended";
        }
        if (ofClients.getOrDefault(client, 0) >= MAX_OF_CLIENT) {
            return "this account has " + MAX_OF_CLIENT + " storage deals, and no more until some have ended";
        }
        long balance = books.account(client).balance();
        if (terms.total() > balance - parameters.registrationFee()) {
            return "a price of " + terms.total() + " for all rounds is not covered by " + balance + " less "
                    + parameters.registrationFee() + " for what it leaves on the ledger";
        }
        String refusal = registry.charge(client, parameters, block);
        if (refusal == null) {
            books.hold(client, terms.total());
            put(StorageDeal.offered(number, client, terms, nowMs));
        }
        return refusal;
    }

    /** @param freeStake of the signer, that nothing reserves yet. */
    String accept(Bytes32 node, AcceptDeal c, long freeStake, Parameters parameters, long nowMs) {
        StorageDeal deal = deals.get(c.deal());
        if (deal == null || deal.phase() != Phase.OFFERED) {
            return "there is no such offer, or it was accepted before";
        }
        if (!deal.isFor(node)) {
            return "this offer is for another data node";
        }
        if (!registry.isDataNode(node) || books.account(node).stake() < parameters.minStake()) {
            return "only data nodes with a stake of " + parameters.minStake() + " keep blobs for pay";
        }
        if (deal.terms().collateral() > freeStake) {
            return "a collateral of " + deal.terms().collateral() + " is not covered by a free stake of " + freeStake;
        }
        if (copies.contains(new Copy(deal.terms().blob(), deal.client(), node))) {
            return "this data node keeps a copy of this blob for this client already";
        }
        if (!StorageChallenge.ofLength(deal.terms()).isAnsweredBy(c.lastChunk())) {
            return "what came is not the last chunk of a blob of "
                    + deal.terms().bytes() + " bytes with this id";
        }
        put(deal.accepted(node, nowMs));
        return null;
    }

    /** @param block whose certificate pays the round. */
    String prove(Bytes32 signer, ProveStorage c, Parameters parameters, long nowMs, long block) {
        StorageDeal deal = deals.get(c.deal());
        if (deal == null || !deal.phase().isHeld() || !deal.dataNode().equals(signer)) {
            return "there is no such deal of this data node, or not any more";
        }
        if (!deal.phase().isChallenged() || c.round() != deal.proven()) {
            return "round " + c.round() + " takes no proof now: round " + deal.proven() + " is " + deal.phase();
        }
        if (!deal.challenge().isAnsweredBy(c.slice())) {
            return "what came is not the chunks of this blob that round " + c.round() + " asks for";
        }
        books.owe(signer, deal.terms().price(), block);
        put(deal.proven(nowMs, parameters.retainMs()));
        return null;
    }

    /** Moves on what time moves on; whether there was anything. */
    boolean expire(long nowMs, Parameters parameters, long block) {
        boolean any = false;
        while (nextMs() <= nowMs) {
            for (long number : List.copyOf(deadlines.firstEntry().getValue())) {
                expire(deals.get(number), parameters, nowMs, block);
            }
            any = true;
        }
        return any;
    }

    private void expire(StorageDeal deal, Parameters parameters, long nowMs, long block) {
        switch (deal.phase()) {
            case OFFERED -> {
                books.owe(deal.client(), deal.escrow(), block);
                put(deal.lapsed(nowMs, parameters.retainMs()));
            }
            case HELD -> put(deal.called(block));
            case CHALLENGED -> put(deal.overdue(block));
            case FULFILLED, LAPSED -> remove(deal);
            case CALLED, OVERDUE -> throw new IllegalStateException("deal " + deal.number() + " waits for no time");
        }
    }

    /** The next time at which {@link #expire} has something to do, or the end of time. */
    long nextMs() {
        return deadlines.isEmpty() ? Long.MAX_VALUE : deadlines.firstKey();
    }

    /**
     * Draws the challenges that waited for this block, and ends what was not answered by then; whether there was any.
     *
     * @param next number of the block whose certificate burns what is lost.
     */
    boolean certified(BlockHeader header, Certificate certificate, long nowMs, long next) {
        List<Long> due = new ArrayList<>();
        waiting.headMap(header.number(), true).values().forEach(due::addAll);
        for (long number : due) {
            StorageDeal deal = deals.get(number);
            if (deal.phase() == Phase.CALLED) {
                put(deal.challenged(StorageChallenge.seed(header, certificate, number, deal.proven()), nowMs));
            } else {
                Bytes32 node = deal.dataNode();
                // To nobody: whoever gained by it would have a reason to keep a proof from arriving.
                books.burn(books.forfeit(node, deal.terms().collateral()), next);
                put(deal.lost(nowMs));
            }
        }
        return !due.isEmpty();
    }

    /** Every change of a deal comes here. */
    private void put(StorageDeal deal) {
        forget(deals.put(deal.number(), deal));
        escrows = Math.addExact(escrows, deal.escrow());
        ofClients.merge(deal.client(), 1, Integer::sum);
        parties(deal)
                .forEach(party ->
                        byParty.computeIfAbsent(party, all -> new TreeSet<>()).add(deal.number()));
        if (deal.phase().isHeld()) {
            copies.add(copy(deal));
            reserved.merge(deal.dataNode(), deal.terms().collateral(), Math::addExact);
        }
        place(deal).computeIfAbsent(time(deal), at -> new TreeSet<>()).add(deal.number());
        entries.put(Kind.STORAGE_DEAL, StorageDeal.id(deal.number()), deal::encode);
    }

    private void remove(StorageDeal deal) {
        forget(deals.remove(deal.number()));
        entries.remove(Kind.STORAGE_DEAL, StorageDeal.id(deal.number()));
    }

    /** Takes back what {@link #put} did beside the deal itself; nothing where there was none. */
    private void forget(StorageDeal deal) {
        if (deal == null) {
            return;
        }
        escrows -= deal.escrow();
        ofClients.computeIfPresent(deal.client(), (client, n) -> n == 1 ? null : n - 1);
        parties(deal).forEach(party -> drop(byParty, party, deal.number()));
        if (deal.phase().isHeld()) {
            copies.remove(copy(deal));
            reserved.computeIfPresent(
                    deal.dataNode(),
                    (node, sum) -> sum == deal.terms().collateral()
                            ? null
                            : sum - deal.terms().collateral());
        }
        drop(place(deal), time(deal), deal.number());
    }

    private static <K, S extends NavigableSet<Long>> void drop(Map<K, S> from, K key, long number) {
        S left = from.get(key);
        left.remove(number);
        if (left.isEmpty()) {
            from.remove(key);
        }
    }

    private NavigableMap<Long, TreeSet<Long>> place(StorageDeal deal) {
        return deal.phase().isWaiting() ? waiting : deadlines;
    }

    private static long time(StorageDeal deal) {
        return deal.phase().isWaiting() ? deal.block() : deal.atMs();
    }

    private static Copy copy(StorageDeal deal) {
        return new Copy(deal.terms().blob(), deal.client(), deal.dataNode());
    }

    private static Set<Party> parties(StorageDeal deal) {
        Bytes32 node = deal.dataNode();
        Set<Party> parties = new HashSet<>();
        parties.add(new Party(Role.ANY, deal.client()));
        parties.add(new Party(Role.ANY, node));
        if (deal.phase() == Phase.OFFERED) {
            parties.add(new Party(Role.OFFERED, node));
        }
        if (deal.phase().isHeld()) {
            parties.add(new Party(Role.HELD, node));
        }
        if (deal.phase().isChallenged()) {
            parties.add(new Party(Role.CHALLENGED, node));
        }
        return parties;
    }

    /** Deals that a data node holds. */
    int held(Bytes32 node) {
        return byParty.getOrDefault(new Party(Role.HELD, node), new TreeSet<>()).size();
    }

    /** Has all deals that a data node holds be held by the key that has replaced its own. */
    void handOver(Bytes32 from, Bytes32 to) {
        List.copyOf(byParty.getOrDefault(new Party(Role.HELD, from), new TreeSet<>()))
                .forEach(number -> put(deals.get(number).heldBy(to)));
    }

    /** A deal as it stands, or null. */
    StorageDeal find(long number) {
        return deals.get(number);
    }

    /** Some of an account's deals in the order of their numbers, after this one. */
    List<StorageDeal> of(Bytes32 account, Role role, long after, int limit) {
        NavigableSet<Long> numbers = byParty.getOrDefault(new Party(role, account), new TreeSet<>());
        return numbers.tailSet(after, false).stream()
                .limit(limit)
                .map(deals::get)
                .toList();
    }

    /** Stake of a data node that its deals reserve. */
    long reserved(Bytes32 node) {
        return reserved.getOrDefault(node, 0L);
    }

    /** Money of all escrows. */
    long total() {
        return escrows;
    }

    void write(CanonicalWriter out) {
        out.putInt(deals.size());
        deals.values().forEach(deal -> out.putFixed(deal.encode()));
    }

    /**
     * Reads what {@link #write} wrote.
     *
     * @throws ArithmeticException where sums are more than a ledger can hold.
     */
    static StorageDeals read(Books books, Registry registry, Entries entries, CanonicalReader in) {
        StorageDeals read = new StorageDeals(books, registry, entries);
        int count = in.getInt("storage deals");
        if (count < 0 || count > MAX_DEALS) {
            throw new MalformedException("Malformed storage deals: there are " + count + " of them.");
        }
        for (; count > 0; count--) {
            StorageDeal deal = StorageDeal.read(in);
            if (!read.deals.isEmpty() && deal.number() <= read.deals.lastKey()) {
                throw new MalformedException(
                        "Malformed storage deals: " + deal.number() + " is not after " + read.deals.lastKey() + ".");
            }
            read.put(deal);
        }
        return read;
    }
}
