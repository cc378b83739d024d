package io.plumbline.ledger.state;

import io.plumbline.ledger.state.Command.AcceptDeal;
import io.plumbline.ledger.state.Command.Accuse;
import io.plumbline.ledger.state.Command.Bond;
import io.plumbline.ledger.state.Command.CastVote;
import io.plumbline.ledger.state.Command.CommitVerdict;
import io.plumbline.ledger.state.Command.DeclareFeed;
import io.plumbline.ledger.state.Command.DeclineEscrow;
import io.plumbline.ledger.state.Command.DepositMoney;
import io.plumbline.ledger.state.Command.FundFeed;
import io.plumbline.ledger.state.Command.HandInEvidence;
import io.plumbline.ledger.state.Command.NameSuccessor;
import io.plumbline.ledger.state.Command.OpenEscrow;
import io.plumbline.ledger.state.Command.PostChallenge;
import io.plumbline.ledger.state.Command.ProposeDeal;
import io.plumbline.ledger.state.Command.ProposeParameters;
import io.plumbline.ledger.state.Command.ProveStorage;
import io.plumbline.ledger.state.Command.RegisterDataNode;
import io.plumbline.ledger.state.Command.RegisterModel;
import io.plumbline.ledger.state.Command.RegisterNode;
import io.plumbline.ledger.state.Command.ReportDoubleReceipt;
import io.plumbline.ledger.state.Command.ReportDoubleVote;
import io.plumbline.ledger.state.Command.ReportFeed;
import io.plumbline.ledger.state.Command.ReportValue;
import io.plumbline.ledger.state.Command.RevealVerdict;
import io.plumbline.ledger.state.Command.RotateKey;
import io.plumbline.ledger.state.Command.StateEpoch;
import io.plumbline.ledger.state.Command.StateSnapshot;
import io.plumbline.ledger.state.Command.SubmitReceipt;
import io.plumbline.ledger.state.Command.Transfer;
import io.plumbline.ledger.state.Command.Unbond;
import io.plumbline.ledger.state.Command.Withdraw;
import io.plumbline.ledger.tree.StateTree;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.LedgerHashes;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * The settlement state machine: pure, single-threaded, and the same on every member that applies the same commands.
 * It knows no clock but the cluster's and iterates in key order only. A command is applied whole or not at all.
 */
public final class LedgerState implements Settlements.Ledger, Blocks.Listener {
    /**
     * Commands after which a block is closed at once; time closes most. A block costs each full node a signature and
     * each member all of them to check.
     */
    public static final int BLOCK_COMMANDS = 8192;

    /**
     * The end of time, in ms: whatever a leader says the time is, sums of deadlines fit a long. Some 140,000 years.
     */
    private static final long END_MS = 1L << 52;

    /** Escrows of a node that are named at a time. */
    public static final int MAX_ESCROWS = 256;

    private static final int MAX_DESTINATION = 255;

    /** Of a payment that names nothing. */
    private static final Bytes32 NO_REFERENCE = Bytes32.ZERO;

    private static final String FORMAT = "plumbline ledger 11";

    /** Of ledgers whose rules know no order of accusers: builds of those rules read each other's snapshots. */
    private static final String FORMAT_WITHOUT_ORDER = "plumbline ledger 10";

    /** Of ledgers whose rules know no successors of keys either. */
    private static final String FORMAT_WITHOUT_SUCCESSIONS = "plumbline ledger 9";

    /** Of ledgers whose rules know no storage deals either. */
    private static final String FORMAT_WITHOUT_DEALS = "plumbline ledger 8";

    /** Of ledgers whose rules know no feeds either. */
    private static final String FORMAT_WITHOUT_FEEDS = "plumbline ledger 7";

    /** Of ledgers whose rules know no payments between accounts either. */
    private static final String FORMAT_WITHOUT_PAYMENTS = "plumbline ledger 6";

    /** Rules since which accounts pay each other. */
    private static final int PAYMENTS = 5;

    /** Rules since which data nodes report on declared feeds, and on nothing else. */
    private static final int FEEDS = 6;

    /** Rules since which data nodes keep blobs for pay. */
    private static final int DEALS = 7;

    /** Rules since which two receipts of a node for one request cost it its stake. */
    private static final int DOUBLE_RECEIPTS = 8;

    /** And a node's key is replaced by another. */
    private static final int SUCCESSIONS = 8;

    /** Rules since which the finder's part of a stake is for whoever has announced the evidence first. */
    private static final int ACCUSERS_IN_ORDER = 9;

    /** And full nodes state what their snapshots are. */
    static final int SNAPSHOTS = 9;

    /** Storage deals of a key that is replaced, at most: all of them move with one command. */
    static final int MAX_MOVED_DEALS = 10_000;

    private final Genesis genesis;
    private final Bytes32 genesisHash;
    private final Entries entries = new Entries();
    private Parameters parameters;
    private Books books = new Books(entries);
    private Registry registry = new Registry(books, entries);
    private Settlements settlements = new Settlements(this, entries);
    private Accusations accusations = new Accusations(books);
    private Payments payments = new Payments(entries);
    private Feeds feeds = new Feeds(books, registry, entries);
    private StorageDeals deals = new StorageDeals(books, registry, entries);
    private Successions successions = new Successions(entries);
    private ReplayGuard outcomes = new ReplayGuard();
    private Blocks blocks;
    private SignatureChecks checks;
    private SignatureMemory memory = SignatureMemory.NONE;
    private Consumer<CastVote> voteListener = vote -> {};
    private BiConsumer<Bytes32, StateSnapshot> snapshotListener = (fullNode, snapshot) -> {};

    /** References of deposits that were taken, for ever. */
    private final Set<Bytes32> references = new HashSet<>();

    /** Money to be paid out, for ever: the bank pays by a certified entry. */
    private final SortedMap<Bytes32, byte[]> withdrawals = new TreeMap<>();

    /** What full nodes did that they must not, by place. */
    private final SortedMap<Integer, String> guilty = new TreeMap<>();

    /** Parameters that full nodes wish for, by place. */
    private final SortedMap<Integer, Parameters> proposals = new TreeMap<>();

    /** Hash over all commands so far, in order, with the times they were ordered at. */
    private byte[] chain = new byte[32];

    private long height;

    /** The latest time anything was ordered at: a leader's clock that steps back does not take the ledger with it. */
    private long timeMs;

    /** Commands applied since the last block was closed, votes aside. */
    private int pending;

    public LedgerState(Genesis genesis) {
        this(genesis, true);
    }

    private LedgerState(Genesis genesis, boolean begins) {
        this.genesis = genesis;
        this.genesisHash = genesis.hash();
        this.checks = new SignatureChecks(genesisHash);
        this.blocks = new Blocks(genesis, this);
        this.parameters = genesis.parameters();
        if (begins) {
            genesis.deposits().forEach(deposit -> books.deposit(deposit.account(), deposit.amount()));
            for (Bytes32 fullNode : genesis.fullNodes()) {
                books.deposit(fullNode, genesis.bond());
                books.bond(fullNode, genesis.bond());
            }
        }
    }

    /**
     * Applies commands that came together.
     *
     * @param nowMs cluster time.
     * @return for each, in order, why it was not applied, or null; one reason where none of them was looked at. A
     *     refused command changes nothing but the height and the chain.
     */
    public List<String> apply(Signed signed, long nowMs) {
        expire(nowMs);
        Bytes32 id = signed.id(genesisHash);
        List<String> before = outcomes.find(id);
        if (before != null) {
            return reasons(before);
        }
        height++;
        List<Command> commands;
        try {
            if (timeMs > signed.lastMs() || signed.lastMs() - timeMs > Signed.MAX_LIFE_MS) {
                return one("it came after its time, or is to live for more than " + Signed.MAX_LIFE_MS / 60_000
                        + " minutes");
            }
            // Those of commands begin with their kind, which is never below 0.
            byte[] content = new CanonicalWriter()
                    .putInt(-1)
                    .putBytes32(id)
                    .putBytes32(signed.signer())
                    .putFixed(signed.signature())
                    .toBytes();
            if (!holds(content, () -> checks.hold(signed))) {
                return one("the signature does not hold");
            }
            commands = signed.commands();
        } catch (MalformedException e) {
            return one(e.getMessage());
        }
        int needed = commands.stream().mapToInt(LedgerState::rulesOf).max().orElse(0);
        if (parameters.rules() < needed) {
            // A build of these rules cannot read it, and goes on without a fee or a trace in the chain.
            return one(whatBegan(needed) + " since rules " + needed + ", and this ledger runs by rules "
                    + parameters.rules());
        }
        if (commands.stream().anyMatch(this::isOfNewerRules)) {
            return Collections.singletonList(proposeNewer(signed.signer(), commands));
        }
        boolean isExempt = genesis.place(signed.signer()) >= 0 || isBank(signed.signer());
        boolean isFree = isExempt || settlements.areAwaited(signed.signer(), commands);
        long fee = isFree ? 0 : parameters.fee() * commands.size();
        long money = books.account(signed.signer()).total();
        if (!isFree && money < Math.max(1, fee)) {
            // Nothing of it is kept: state costs its maker.
            return one(
                    successions.isReplaced(signed.signer())
                            ? replaced(signed.signer())
                            : "this account has " + money + ", which does not cover a fee of " + parameters.fee()
                                    + " for each command; it needs a deposit");
        }
        byte[] time = new CanonicalWriter().putLong(timeMs).toBytes();
        chain = Blake3.plain().update(chain).update(id.bytes()).update(time).digest();
        List<String> answers = new ArrayList<>(commands.size());
        // All of it first: the first command could leave nothing for the others' fees.
        books.fee(signed.signer(), fee, block());
        for (int i = 0; i < commands.size(); i++) {
            Command command = commands.get(i);
            String refusal = apply(signed.signer(), command, id, i);
            // A vote changes nothing that blocks are about.
            boolean isOfBlocks =
                    command instanceof CastVote || command instanceof StateEpoch || command instanceof StateSnapshot;
            pending += refusal == null && !isOfBlocks ? 1 : 0;
            answers.add(refusal == null ? "" : Reason.bounded(refusal));
        }
        outcomes.put(id, signed.lastMs(), answers);
        return reasons(answers);
    }

    /** The first rules that know this command; 0 of all that those before had. */
    private static int rulesOf(Command command) {
        return switch (command) {
            case Transfer _ -> PAYMENTS;
            case DeclareFeed _, FundFeed _, ReportValue _ -> FEEDS;
            case ProposeDeal _, AcceptDeal _, ProveStorage _ -> DEALS;
            case ReportDoubleReceipt _ -> DOUBLE_RECEIPTS;
            case NameSuccessor _, RotateKey _ -> SUCCESSIONS;
            case StateSnapshot _ -> SNAPSHOTS;
            default -> 0;
        };
    }

    private static String whatBegan(int rules) {
        return switch (rules) {
            case PAYMENTS -> "accounts pay each other";
            case FEEDS -> "feeds are declared and reported on";
            case DEALS -> "data nodes keep blobs for pay";
            case SUCCESSIONS -> "two receipts for one request are an offence, and a node's key is replaced by another";
            default -> "full nodes state what their snapshots are";
        };
    }

    /** Applies commands that came as bytes. */
    public List<String> apply(byte[] signed, long nowMs) {
        try {
            return apply(Signed.decode(signed), nowMs);
        } catch (MalformedException e) {
            expire(nowMs);
            return one(e.getMessage());
        }
    }

    private static List<String> one(String refusal) {
        return Collections.singletonList(Reason.bounded(refusal));
    }

    private static List<String> reasons(List<String> answers) {
        List<String> reasons = new ArrayList<>(answers);
        reasons.replaceAll(answer -> answer.isEmpty() ? null : answer);
        return reasons;
    }

    private String apply(Bytes32 signer, Command command, Bytes32 id, int index) {
        boolean beginsAnew = command instanceof RegisterNode
                || command instanceof RegisterDataNode
                || command instanceof Bond
                || command instanceof NameSuccessor
                || command instanceof RotateKey;
        if (beginsAnew && successions.isReplaced(signer)) {
            return replaced(signer);
        }
        return switch (command) {
            case RegisterNode c -> registry.register(signer, c, parameters, block());
            case OpenEscrow c -> settlements.escrow(signer, c, timeMs);
            case DeclineEscrow c -> settlements.decline(signer, c, timeMs);
            case SubmitReceipt c -> settlements.receipt(signer, c.receipt(), timeMs);
            case CommitVerdict c -> settlements.commit(signer, c, timeMs);
            case RevealVerdict c -> settlements.reveal(signer, c, timeMs);
            case PostChallenge c -> settlements.post(signer, c, timeMs);
            case CastVote c -> blocks.vote(c);
            case DepositMoney c -> deposit(signer, c);
            case Withdraw c -> withdraw(signer, c, id, index);
            case Bond c -> bond(signer, c.amount());
            case Unbond c -> unbond(signer, c.amount());
            case RegisterDataNode c -> registry.register(signer, c, parameters, block());
            case RegisterModel c -> registry.register(signer, c, parameters, block());
            case ReportFeed c ->
                parameters.rules() < FEEDS
                        ? registry.report(signer, c, parameters, timeMs, block())
                        : "since rules " + FEEDS + " data nodes report values of declared feeds";
            case ProposeParameters c -> propose(signer, c.parameters());
            case StateEpoch c -> blocks.state(signer, c.statement());
            case ReportDoubleVote c -> blocks.doubleVote(c.one(), c.other());
            case Accuse c -> accuse(signer, c, index);
            case HandInEvidence c -> handIn(signer, c);
            case Transfer c -> transfer(signer, c, index);
            case DeclareFeed c -> feeds.declare(c.feed().ownedBy(signer), parameters, block());
            case FundFeed c -> feeds.fund(signer, c);
            case ReportValue c -> report(signer, c);
            case ProposeDeal c ->
                deals.propose(signer, c.terms(), Payment.number(height, index), parameters, timeMs, block());
            case AcceptDeal c -> deals.accept(signer, c, freeStake(signer), parameters, timeMs);
            case ProveStorage c -> deals.prove(signer, c, parameters, timeMs, block());
            case ReportDoubleReceipt c -> settlements.doubleReceipt(c.other(), timeMs);
            case NameSuccessor c -> name(signer, c.successor());
            case RotateKey c -> rotate(signer, c);
            case StateSnapshot c -> snapshot(signer, c);
        };
    }

    private String snapshot(Bytes32 signer, StateSnapshot c) {
        if (genesis.place(signer) < 0) {
            return "only full nodes take snapshots";
        }
        snapshotListener.accept(signer, c);
        return null;
    }

    private boolean isBank(Bytes32 signer) {
        return genesis.bank().equals(signer) && !signer.equals(Bytes32.ZERO);
    }

    private String accuse(Bytes32 signer, Accuse c, int index) {
        Settlement one = settlements.find(c.requestHash());
        if (one == null || one.receipt() == null) {
            return "no answer to this request is on the ledger, or not any more";
        }
        if (one.status() == Settlement.Status.SLASHED) {
            return "this answer was proven false already";
        }
        boolean isFullNode = genesis.place(signer) >= 0;
        long number = parameters.rules() < ACCUSERS_IN_ORDER ? 0 : Payment.number(height, index);
        return accusations.begin(signer, c, number, isFullNode, parameters.accusationDeposit(), timeMs);
    }

    private String handIn(Bytes32 accuser, HandInEvidence c) {
        String refusal = accusations.refusal(accuser, c);
        Accusations.Whole whole = refusal == null ? accusations.take(accuser, c) : null;
        if (whole == null) {
            return refusal;
        }
        Settlement one = settlements.find(whole.requestHash());
        boolean isProven = one != null && one.status() == Settlement.Status.SLASHED;
        boolean isOver = one == null || isProven && !accusations.isBeforeFinders(whole);
        refusal = isOver
                ? "another has proven it, or the answer has left the ledger"
                : EvidenceRule.refusal(one, whole.evidence());
        if (refusal == null || isOver) {
            books.owe(accuser, whole.deposit(), block());
        } else {
            books.burn(whole.deposit(), block());
        }
        if (refusal == null) {
            accusations.proven(accuser, whole, isProven ? 0 : settlements.slash(one, timeMs), block());
        }
        accusations.pay(block());
        return refusal;
    }

    private String deposit(Bytes32 signer, DepositMoney c) {
        if (!isBank(signer)) {
            return "only the bank says what came in";
        }
        if (c.amount() <= 0 || c.amount() > Books.MAX_DEPOSITED - books.deposited()) {
            return "a deposit of " + c.amount() + " is not above 0, or more than the ledger can count";
        }
        Bytes32 reference = c.reference();
        if (!references.add(reference)) {
            return "this deposit was taken before";
        }
        books.deposit(c.account(), c.amount());
        enterReference(reference);
        return null;
    }

    private void enterReference(Bytes32 reference) {
        entries.put(Kind.DEPOSIT, reference, () -> new byte[0]);
    }

    private String withdraw(Bytes32 key, Withdraw c, Bytes32 id, int index) {
        if (c.destination().isEmpty() || c.destination().length() > MAX_DESTINATION) {
            return "a destination has 1 to " + MAX_DESTINATION + " characters";
        }
        String refusal = covered(c.amount(), books.account(key).balance() - parameters.registrationFee());
        if (refusal == null) {
            refusal = registry.charge(key, parameters, block());
        }
        if (refusal == null) {
            books.payOut(key, c.amount(), block());
            byte[] entry = new CanonicalWriter()
                    .putBytes32(key)
                    .putLong(c.amount())
                    .putText(c.destination())
                    .toBytes();
            enterWithdrawal(withdrawalId(id, index), entry);
        }
        return refusal;
    }

    /** Under which a withdrawal's entry stands: that of the commands it came with, and its place among them. */
    public static Bytes32 withdrawalId(Bytes32 id, int index) {
        byte[] place = new CanonicalWriter().putInt(index).toBytes();
        return Bytes32.of(Blake3.plain().update(id.bytes()).update(place).digest());
    }

    private void enterWithdrawal(Bytes32 id, byte[] entry) {
        withdrawals.put(id, entry);
        entries.put(Kind.WITHDRAWAL, id, () -> entry);
    }

    private static String covered(long amount, long money) {
        return amount <= 0 || amount > money ? amount + " is not above 0, or not covered by " + money : null;
    }

    private String transfer(Bytes32 from, Transfer c, int index) {
        Bytes32 to = c.to();
        if (to.equals(from) || Books.isNobody(to)) {
            return "an account pays another one, neither itself nor nobody";
        }
        boolean isNoted = !c.reference().equals(NO_REFERENCE);
        // An account and a payment that stays are entries, which cost what all entries cost.
        int entered = (isNoted ? 1 : 0) + (books.account(to).total() == 0 ? 1 : 0);
        long fee = entered * parameters.registrationFee();
        long balance = books.account(from).balance();
        if (c.amount() <= 0 || c.amount() > balance - fee) {
            return c.amount() + " is not above 0, or not covered by " + balance
                    + (fee == 0 ? "" : " less " + fee + " for what it leaves on the ledger");
        }
        books.fee(from, fee, block());
        books.hold(from, c.amount());
        books.owe(to, c.amount(), block());
        if (isNoted) {
            long untilMs = timeMs + parameters.retainMs();
            payments.add(new Payment(Payment.number(height, index), from, c.to(), c.amount(), c.reference(), untilMs));
        }
        return null;
    }

    private String replaced(Bytes32 key) {
        return RotateKey.REPLACED + " by " + successions.find(key).named();
    }

    private boolean isOfGenesis(Bytes32 key) {
        return genesis.place(key) >= 0 || isBank(key);
    }

    private String name(Bytes32 key, Bytes32 successor) {
        if (isOfGenesis(key) || isOfGenesis(successor)) {
            return "the keys of full nodes and of the bank stand in the genesis, and none replaces another";
        }
        if (successor.equals(key) || Books.isNobody(successor) || successions.isReplaced(successor)) {
            return "a successor is another key, neither nobody's nor one that was replaced";
        }
        String refusal = successions.find(key) == null ? registry.charge(key, parameters, block()) : null;
        if (refusal == null) {
            Account account = books.account(key);
            boolean hasStake = account.stake() > 0 || account.unbonding() > 0;
            successions.name(key, successor, hasStake ? timeMs + parameters.unbondMs() : timeMs, timeMs);
        }
        return refusal;
    }

    private String rotate(Bytes32 old, RotateKey c) {
        Bytes32 next = c.successor();
        Succession named = successions.find(old);
        if (named == null || !named.inForce(timeMs).equals(next)) {
            return "this successor is not in force"
                    + (named != null && named.pending().equals(next) ? " before " + named.pendingMs() + " ms" : "");
        }
        Account taken = books.account(next);
        if (registry.isRegistered(next) || taken.stake() > 0 || taken.unbonding() > 0 || successions.isReplaced(next)) {
            return "a successor has no stake and no registration of its own, and was not replaced";
        }
        Account account = books.account(old);
        if (!registry.isRegistered(old) && account.stake() + account.unbonding() == 0) {
            return "this key has neither a registration nor a stake to hand over";
        }
        if (deals.held(old) > MAX_MOVED_DEALS) {
            return "this key holds more than " + MAX_MOVED_DEALS + " storage deals";
        }
        byte[] content =
                new CanonicalWriter().putFixed(c.encode()).putBytes32(old).toBytes();
        if (!holds(content, () -> c.holds(genesisHash, old))) {
            return "the successor has not signed it";
        }
        if (feeds.hasReported(old)) {
            // By one stake a node would report as many values as it has keys.
            return "this data node has reported in a round that is still open";
        }
        String refusal = registry.charge(old, parameters, block());
        if (refusal == null) {
            books.handOver(old, next);
            successions.replace(old, next, registry.rename(old, next));
            settlements.handOver(old, next);
            deals.handOver(old, next);
        }
        return refusal;
    }

    private String report(Bytes32 signer, ReportValue c) {
        int before = feeds.caught().size();
        String refusal = feeds.report(signer, c, parameters, timeMs, block());
        // The report is refused, and blocks are about the stake that its signer lost by it.
        pending += feeds.caught().size() - before;
        return refusal;
    }

    private String bond(Bytes32 key, long amount) {
        String refusal = covered(amount, books.account(key).balance());
        if (refusal == null) {
            books.bond(key, amount);
        }
        return refusal;
    }

    private String unbond(Bytes32 key, long amount) {
        long reserved = settlements.reserved(key);
        long pledged = deals.reserved(key);
        long bond = bond(key);
        String refusal = covered(amount, freeStake(key));
        if (refusal != null) {
            return refusal
                    + (reserved > 0 ? "; open requests reserve " + reserved : "")
                    + (pledged > 0 ? "; storage deals reserve " + pledged : "")
                    + (bond > 0 ? "; a full node's bond of " + bond + " stays" : "");
        }
        if (refusal == null) {
            books.unbond(key, amount, timeMs + parameters.unbondMs());
        }
        return refusal;
    }

    /** Votes of a full node count as long as the ledger runs, and so must what it can lose by them. */
    private long bond(Bytes32 key) {
        return genesis.place(key) >= 0 ? genesis.bond() : 0;
    }

    /** Stake that neither requests nor storage deals reserve, nor stays as a full node's bond. */
    private long freeStake(Bytes32 key) {
        return books.account(key).stake() - settlements.reserved(key) - deals.reserved(key) - bond(key);
    }

    private boolean isOfNewerRules(Command command) {
        return command instanceof ProposeParameters wish && wish.parameters().rules() > parameters.rules();
    }

    /**
     * A build that does not know these rules cannot read the command, and goes on to the next one without a fee or a
     * trace in the chain. So does this one, whoever signed it, while full nodes are upgraded one after the other: only
     * that the rules are taken on, when a quorum has wished for them, is in the state.
     */
    private String proposeNewer(Bytes32 signer, List<Command> commands) {
        if (commands.size() > 1 || !(commands.getFirst() instanceof ProposeParameters wish)) {
            return "newer rules are proposed by a command of their own";
        }
        Parameters before = parameters;
        String refusal = propose(signer, wish.parameters());
        pending += parameters.equals(before) ? 0 : 1;
        return refusal == null ? null : Reason.bounded(refusal);
    }

    private String propose(Bytes32 signer, Parameters wished) {
        int place = genesis.place(signer);
        String refusal = place < 0 ? "only full nodes change parameters" : wished.fault();
        if (refusal == null && wished.rules() < parameters.rules()) {
            refusal = "this ledger runs by rules " + parameters.rules() + " already, and does not go back";
        }
        if (refusal == null) {
            proposals.put(place, wished);
            long same = proposals.values().stream().filter(wished::equals).count();
            if (same >= Certificate.quorum(genesis.fullNodes().size())) {
                parameters = wished;
                proposals.clear();
            }
        }
        return refusal;
    }

    /** Pays debts that waited for this certificate, and moves storage deals on that did. */
    @Override
    public void certified(long number) {
        boolean paid = books.pay(number);
        boolean moved = deals.certified(blocks.certified(), blocks.certificate(), timeMs, block());
        pending += paid || moved ? 1 : 0;
    }

    /** Its stake is lost, once. */
    @Override
    public void guilty(int place, String what) {
        if (guilty.putIfAbsent(place, what) == null) {
            Bytes32 key = genesis.fullNodes().get(place);
            books.burn(books.seize(key), block());
            enterGuilty(place, what);
            pending++;
        }
    }

    private void enterGuilty(int place, String what) {
        Bytes32 key = genesis.fullNodes().get(place);
        entries.put(
                Kind.FULL_NODE, key, () -> new CanonicalWriter().putText(what).toBytes());
    }

    @Override
    public Parameters parameters() {
        return parameters;
    }

    @Override
    public Books books() {
        return books;
    }

    @Override
    public long reservedByDeals(Bytes32 node) {
        return deals.reserved(node);
    }

    @Override
    public Registry registry() {
        return registry;
    }

    @Override
    public long block() {
        return blocks.next();
    }

    @Override
    public byte[] chain() {
        return chain.clone();
    }

    /** Those who were caught judge nobody, unless fewer than certify are left: one liar never judges alone. */
    @Override
    public List<Bytes32> auditors() {
        List<Bytes32> auditors = new ArrayList<>();
        for (int place = 0; place < genesis.fullNodes().size(); place++) {
            if (!guilty.containsKey(place)) {
                auditors.add(genesis.fullNodes().get(place));
            }
        }
        return auditors.size() < Certificate.quorum(genesis.fullNodes().size()) ? genesis.fullNodes() : auditors;
    }

    /** What full nodes did that they must not, by place in the genesis; each lost its stake for it. */
    public SortedMap<Integer, String> guilty() {
        return Collections.unmodifiableSortedMap(guilty);
    }

    /** The blocks so far and the votes on them. */
    public Blocks blocks() {
        return blocks;
    }

    /** Has this told of votes for blocks as they were closed here; late ones are not checked. */
    public void tellVotes(Consumer<CastVote> listener) {
        voteListener = listener;
    }

    /** Has this told of what full nodes say that their snapshots are. */
    public void tellSnapshots(BiConsumer<Bytes32, StateSnapshot> listener) {
        snapshotListener = listener;
    }

    /** Whether full nodes state what their snapshots are. */
    public boolean hasStatedSnapshots() {
        return parameters.rules() >= SNAPSHOTS;
    }

    @Override
    public void voted(CastVote vote) {
        voteListener.accept(vote);
    }

    /**
     * A full node's signatures as this state has them.
     *
     * @param commands id of a batch, 32 bytes, see {@link Signed#id}.
     * @return null where these commands are not in the order, or long past.
     */
    public SigningSeen signingSeen(Bytes32 fullNode, Bytes32 commands) {
        int place = genesis.place(fullNode);
        return outcomes.find(commands) == null
                ? null
                : new SigningSeen(place, blocks.next(), blocks.lastSigned(place), blocks.certified() == null);
    }

    /** Whether something has happened that no block has, and a block may be closed. */
    public boolean wantsBlock() {
        return pending > 0 && blocks.mayClose();
    }

    /** Whether so much has happened that a block is closed without waiting for more. */
    public boolean isBlockFull() {
        return pending >= BLOCK_COMMANDS && blocks.mayClose();
    }

    /** Closes a block over all that has happened; null where none is wanted. */
    public BlockHeader closeBlock(long nowMs) {
        expire(nowMs);
        if (!wantsBlock()) {
            return null;
        }
        pending = 0;
        return blocks.close(tree(), height, timeMs);
    }

    /** Ends what should have come to its end by {@code nowMs}. */
    public void expire(long nowMs) {
        timeMs = Math.max(timeMs, Math.min(nowMs, END_MS));
        outcomes.expire(timeMs);
        boolean ended = settlements.expire(timeMs);
        boolean released = books.release(timeMs);
        boolean dropped = accusations.expire(timeMs, block());
        boolean forgotten = payments.expire(timeMs);
        boolean closed = feeds.expire(timeMs, block());
        boolean moved = deals.expire(timeMs, parameters, block());
        pending += ended || released || dropped || forgotten || closed || moved ? 1 : 0;
    }

    /** The next time at which {@link #expire} has something to do, or the end of time. */
    public long nextDeadlineMs() {
        long ofMoney = Math.min(books.nextReleaseMs(), payments.nextMs());
        long ofJudgement = Math.min(settlements.nextDeadlineMs(), accusations.nextMs());
        long ofDataNodes = Math.min(feeds.nextMs(), deals.nextMs());
        return Math.min(Math.min(ofJudgement, ofMoney), ofDataNodes);
    }

    /** Cluster time of the last command. */
    public long timeMs() {
        return timeMs;
    }

    /** Settlements whose status, round or deadline changed since this was asked last. */
    public List<Settlement> takeChanged() {
        return settlements.takeChanged();
    }

    /** Has signatures checked by what may know some of them already. */
    public void checkWith(SignatureChecks shared) {
        checks = shared;
    }

    /** Has what came of checks of signatures remembered. */
    public void remember(SignatureMemory what) {
        memory = what;
    }

    @Override
    public boolean holds(byte[] content, BooleanSupplier check) {
        return memory.holds(content, check);
    }

    /** Requests whose escrow waits for this node's answer; at most {@link #MAX_ESCROWS} of them. */
    public List<Bytes32> escrowsOf(Bytes32 node) {
        return settlements.escrowed(node, MAX_ESCROWS);
    }

    /** Money of {@code key}; an unknown key has none. */
    public Account account(Bytes32 key) {
        return books.account(key);
    }

    /** Stake of a node that its open requests and its storage deals reserve. */
    public long reserved(Bytes32 key) {
        return settlements.reserved(key) + deals.reserved(key);
    }

    /** What a key is paid when the block that waits and the next are certified. */
    public long owed(Bytes32 key) {
        return books.owed(key);
    }

    /** Payments to a key that name what they are for, after the one of this number, in their order. */
    public Collection<Payment> paymentsTo(Bytes32 key, long after) {
        return payments.to(key, after);
    }

    /** The settlement of a request, or null. */
    public Settlement findSettlement(Bytes32 requestHash) {
        return settlements.find(requestHash);
    }

    /** Registered inference nodes, in key order. */
    public Collection<Node> nodes() {
        return registry.nodes();
    }

    /** Registered inference nodes with keys after this one, in key order; all of them where it is null. */
    public Collection<Node> nodesAfter(Bytes32 key) {
        return registry.nodesAfter(key);
    }

    /** Registered data nodes with keys after this one, in key order; all of them where it is null. */
    public Collection<DataNode> dataNodesAfter(Bytes32 key) {
        return registry.dataNodesAfter(key);
    }

    /** The registered inference node with this key, or as it was when the key was replaced, or null. */
    @Override
    public Node node(Bytes32 key) {
        Node node = registry.node(key);
        Succession one = node == null ? successions.find(key) : null;
        return one == null ? node : one.retired();
    }

    @Override
    public Bytes32 holder(Bytes32 node) {
        return successions.holder(node);
    }

    /** Which key is to replace this one, or has; null where it has named none. */
    public Succession succession(Bytes32 key) {
        return successions.find(key);
    }

    /** The last that a data node has said on a feed, or null. */
    public FeedReport report(Bytes32 dataNode, String feed) {
        return registry.report(dataNode, feed);
    }

    /** A feed as it stands, with its latest value however old, or null. */
    public DeclaredFeed feed(Bytes32 id) {
        return feeds.find(id);
    }

    /**
     * Feeds in the order of their ids, at most so many.
     *
     * @param id after which, null for the first ones.
     */
    public List<Feed> feedsAfter(Bytes32 id, int limit) {
        return feeds.after(id, limit);
    }

    /** Outcomes of a feed's last rounds, the oldest first. */
    public List<FeedValue> feedValues(Bytes32 id) {
        return feeds.values(id);
    }

    /** Data nodes that signed two reports for one round of a feed, by their keys; each lost its stake for it. */
    public SortedMap<Bytes32, Equivocation> equivocations() {
        return Collections.unmodifiableSortedMap(feeds.caught());
    }

    /** A storage deal by its number, or null. */
    public StorageDeal deal(long number) {
        return deals.find(number);
    }

    /** Some of an account's storage deals in the order of their numbers, at most so many after this one. */
    public List<StorageDeal> dealsOf(Bytes32 key, StorageDeal.Role role, long after, int limit) {
        return deals.of(key, role, after, limit);
    }

    /** Commands seen so far, refused ones included. */
    @Override
    public long height() {
        return height;
    }

    /** All money wherever it is: always what was deposited. */
    public long total() {
        long ofRequests = Math.addExact(settlements.held(), accusations.total());
        long ofDataNodes = Math.addExact(feeds.total(), deals.total());
        return Math.addExact(Math.addExact(books.total(), ofRequests), ofDataNodes);
    }

    /** All money that ever came in. */
    public long deposited() {
        return books.deposited();
    }

    /** The whole state in its one byte form, as a snapshot holds it. */
    public byte[] encode() {
        CanonicalWriter out = new CanonicalWriter()
                .putText(format(parameters.rules()))
                .putBytes32(genesisHash)
                .putLong(height)
                .putLong(timeMs)
                .putFixed(chain)
                .putInt(pending);
        parameters.write(out);
        out.putInt(proposals.size());
        proposals.forEach((place, wished) -> wished.write(out.putInt(place)));
        out.putInt(guilty.size());
        guilty.forEach((place, what) -> out.putInt(place).putText(what));
        out.putInt(references.size());
        references.stream().sorted().forEach(reference -> out.putBytes32(reference));
        out.putInt(withdrawals.size());
        withdrawals.forEach((id, entry) -> out.putBytes32(id).putBytes(entry));
        books.write(out);
        accusations.write(out, parameters.rules() >= ACCUSERS_IN_ORDER);
        registry.write(out);
        if (parameters.rules() >= SUCCESSIONS) {
            successions.write(out);
        }
        settlements.write(out);
        outcomes.write(out);
        if (parameters.rules() >= PAYMENTS) {
            payments.write(out);
        }
        if (parameters.rules() >= FEEDS) {
            feeds.write(out);
        }
        if (parameters.rules() >= DEALS) {
            deals.write(out);
        }
        blocks.write(out);
        return out.toBytes();
    }

    /** As the oldest build that knows these rules has it. */
    private static String format(int rules) {
        if (rules < PAYMENTS) {
            return FORMAT_WITHOUT_PAYMENTS;
        }
        if (rules < DEALS) {
            return rules < FEEDS ? FORMAT_WITHOUT_FEEDS : FORMAT_WITHOUT_DEALS;
        }
        if (rules < ACCUSERS_IN_ORDER) {
            return rules < SUCCESSIONS ? FORMAT_WITHOUT_SUCCESSIONS : FORMAT_WITHOUT_ORDER;
        }
        return FORMAT;
    }

    /** 32 bytes that stand for the whole state. */
    public byte[] root() {
        return tree().root();
    }

    /** The state as a tree that proves its entries; under one more key it has what else there is. */
    public StateTree tree() {
        CanonicalWriter meta = new CanonicalWriter()
                .putBytes32(genesisHash)
                .putLong(height)
                .putLong(timeMs)
                .putFixed(chain);
        parameters.write(meta);
        books.writeSums(meta);
        settlements.writeJudged(meta);
        CanonicalWriter begun = new CanonicalWriter();
        accusations.writeHashes(begun, parameters.rules() >= ACCUSERS_IN_ORDER);
        meta.putFixed(Blake3.hash(begun.toBytes()));
        return entries.tree().put(LedgerHashes.key(Kind.META, null), meta.toBytes());
    }

    /**
     * The parameters by the state's own entry, {@link Kind#META}.
     *
     * @throws MalformedException where it is none.
     */
    public static Parameters parameters(byte[] meta) {
        CanonicalReader in = new CanonicalReader(meta, "ledger's state");
        in.getBytes32("genesis");
        in.getLong("height");
        in.getLong("time");
        in.getFixed(Blake3.HASH_BYTES, "chain");
        return Parameters.read(in);
    }

    /**
     * Rebuilds a state.
     *
     * @throws MalformedException when it is none, or one of another genesis.
     */
    public static LedgerState decode(Genesis genesis, byte[] bytes) {
        try {
            return decode(genesis, new CanonicalReader(bytes, "ledger state"));
        } catch (ArithmeticException e) {
            throw new MalformedException("Malformed ledger state: its amounts are more than a ledger can hold.");
        }
    }

    private static LedgerState decode(Genesis genesis, CanonicalReader in) {
        String format = in.getText("format");
        List<String> known = List.of(
                FORMAT,
                FORMAT_WITHOUT_ORDER,
                FORMAT_WITHOUT_SUCCESSIONS,
                FORMAT_WITHOUT_DEALS,
                FORMAT_WITHOUT_FEEDS,
                FORMAT_WITHOUT_PAYMENTS);
        if (!known.contains(format)) {
            throw new MalformedException("Malformed ledger state: it is of format \"" + format
                    + "\", and this build reads \"" + String.join("\", \"", known) + "\".");
        }
        if (!genesis.hash().equals(in.getBytes32("genesis hash"))) {
            throw new MalformedException("Malformed ledger state: it belongs to another genesis.");
        }
        LedgerState state = new LedgerState(genesis, false);
        state.height = in.getLong("height");
        state.timeMs = in.getLong("time");
        state.chain = in.getFixed(32, "chain");
        int pending = in.getInt("pending");
        state.parameters = Parameters.read(in);
        for (int n = in.getInt("proposals"); n > 0; n--) {
            int place = in.getInt("full node");
            state.proposals.put(place, Parameters.read(in));
        }
        for (int n = in.getInt("guilty"); n > 0; n--) {
            int place = in.getInt("full node");
            String what = in.getText("what it did");
            if (place < 0 || place >= genesis.fullNodes().size()) {
                throw new MalformedException("Malformed ledger state: there is no full node " + place + ".");
            }
            state.guilty.put(place, what);
            state.enterGuilty(place, what);
        }
        for (int n = in.getInt("references"); n > 0; n--) {
            Bytes32 reference = in.getBytes32("reference");
            state.references.add(reference);
            state.enterReference(reference);
        }
        for (int n = in.getInt("withdrawals"); n > 0; n--) {
            Bytes32 id = in.getBytes32("withdrawal");
            state.enterWithdrawal(id, in.getBytes("withdrawal"));
        }
        state.books = Books.read(state.entries, in);
        state.accusations = Accusations.read(state.books, format.equals(FORMAT), in);
        state.registry = Registry.read(state.books, state.entries, in);
        boolean hasSuccessions = format.equals(FORMAT) || format.equals(FORMAT_WITHOUT_ORDER);
        if (hasSuccessions) {
            // Settlements are counted by the key that answers for them.
            state.successions = Successions.read(state.entries, in);
        }
        state.settlements = Settlements.read(state, state.entries, in);
        state.outcomes = ReplayGuard.read(in);
        if (!format.equals(FORMAT_WITHOUT_PAYMENTS)) {
            state.payments = Payments.read(state.entries, in);
        }
        boolean hasDeals = hasSuccessions || format.equals(FORMAT_WITHOUT_SUCCESSIONS);
        state.feeds = hasDeals || format.equals(FORMAT_WITHOUT_DEALS)
                ? Feeds.read(state.books, state.registry, state.entries, in)
                : new Feeds(state.books, state.registry, state.entries);
        state.deals = hasDeals
                ? StorageDeals.read(state.books, state.registry, state.entries, in)
                : new StorageDeals(state.books, state.registry, state.entries);
        state.blocks = Blocks.read(genesis, state, in);
        in.end();
        state.pending = pending;
        return state;
    }
}
