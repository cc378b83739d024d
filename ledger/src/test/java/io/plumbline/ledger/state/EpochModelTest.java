package io.plumbline.ledger.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * Every history of one block's votes with four full nodes, one of which lies, over three epochs: honest ones may each
 * compute either of two blocks at any time (a leader that lies, a computer that errs and is mended), step on when
 * they like and see any of the statements that there may be; the liar signs everything and states whatever helps. The
 * rules are those the nodes run.
 */
class EpochModelTest {
    private static final int FULL_NODES = 4;
    private static final int HONEST = 3;
    private static final int QUORUM = 3;
    private static final int EPOCHS = 3;
    private static final byte[][] BLOCKS = {new byte[32], new byte[32]};

    static {
        Arrays.fill(BLOCKS[1], (byte) 1);
    }

    /** Whether a node may sign a block in an epoch, having heard these statements. */
    private interface Rule {
        boolean allows(SigningRecord signed, long epoch, byte[] hash, Collection<EpochStatement> heard);
    }

    /** One honest node: which block it signed in each epoch (-1 none), and the epoch it has stepped to. */
    private record Node(List<Integer> votes, int epoch) {
        static final Node FRESH = new Node(List.of(-1, -1, -1), 0);

        SigningRecord signed() {
            SortedMap<Long, byte[]> map = votesBefore(EPOCHS);
            return map.isEmpty() ? SigningRecord.NONE.promise(0, epoch) : new SigningRecord(0, map, 0, epoch);
        }

        SortedMap<Long, byte[]> votesBefore(int end) {
            SortedMap<Long, byte[]> map = new TreeMap<>();
            for (int e = 0; e < end; e++) {
                if (votes.get(e) >= 0) {
                    map.put((long) e, BLOCKS[votes.get(e)]);
                }
            }
            return map;
        }

        Node vote(int in, int block) {
            List<Integer> next = new ArrayList<>(votes);
            next.set(in, block);
            return new Node(List.copyOf(next), epoch);
        }
    }

    private record World(List<Node> nodes) {
        World with(int i, Node node) {
            List<Node> next = new ArrayList<>(nodes);
            next.set(i, node);
            // Honest nodes are alike: their order does not matter.
            next.sort((x, y) -> x.toString().compareTo(y.toString()));
            return new World(List.copyOf(next));
        }

        /** Whether a certificate for a block can be put together in an epoch, the liar's signature with it. */
        boolean isCertified(int epoch, int block) {
            return nodes.stream().filter(node -> node.votes.get(epoch) == block).count() + 1 >= QUORUM;
        }

        boolean isCertified(int block) {
            return isCertified(0, block) || isCertified(1, block) || isCertified(2, block);
        }
    }

    private static EpochStatement statement(int epoch, SortedMap<Long, byte[]> votes) {
        return new EpochStatement(epoch, 0, votes, null);
    }

    /** All the liar may say: for each earlier epoch that it signed one block, the other, or none. */
    private static List<SortedMap<Long, byte[]>> lies(int epoch) {
        List<SortedMap<Long, byte[]>> all = new ArrayList<>(List.of(new TreeMap<>()));
        for (long e = 0; e < epoch; e++) {
            for (SortedMap<Long, byte[]> before : List.copyOf(all)) {
                for (byte[] block : BLOCKS) {
                    SortedMap<Long, byte[]> more = new TreeMap<>(before);
                    more.put(e, block);
                    all.add(more);
                }
            }
        }
        return all;
    }

    /** Every set of statements by which an epoch may have begun. */
    private static List<List<EpochStatement>> beginnings(World world, int epoch) {
        List<List<EpochStatement>> all = new ArrayList<>();
        for (int set = 0; set < 1 << HONEST; set++) {
            List<EpochStatement> said = new ArrayList<>();
            boolean haveAll = true;
            for (int i = 0; i < HONEST; i++) {
                if ((set >> i & 1) == 1) {
                    Node node = world.nodes.get(i);
                    haveAll &= node.epoch >= epoch;
                    said.add(statement(epoch, node.votesBefore(epoch)));
                }
            }
            if (haveAll && said.size() >= QUORUM) {
                all.add(List.copyOf(said));
            }
            if (haveAll && said.size() + 1 >= QUORUM) {
                for (SortedMap<Long, byte[]> lie : lies(epoch)) {
                    List<EpochStatement> more = new ArrayList<>(said);
                    more.add(statement(epoch, lie));
                    all.add(more);
                }
            }
        }
        return all;
    }

    private static boolean maySign(World world, Node node, int epoch, int block, Rule rule) {
        if (node.votes.get(epoch) >= 0 || node.epoch > epoch) {
            return false;
        }
        if (epoch == 0) {
            return rule.allows(node.signed(), 0, BLOCKS[block], List.of());
        }
        return beginnings(world, epoch).stream()
                .anyMatch(heard -> rule.allows(node.signed(), epoch, BLOCKS[block], heard));
    }

    /** All worlds that can come about. */
    private static Set<World> explore(Rule rule) {
        World first = new World(List.of(Node.FRESH, Node.FRESH, Node.FRESH));
        Set<World> seen = new HashSet<>(Set.of(first));
        Deque<World> next = new ArrayDeque<>(seen);
        while (!next.isEmpty()) {
            World world = next.poll();
            List<World> after = new ArrayList<>();
            for (int i = 0; i < HONEST; i++) {
                Node node = world.nodes.get(i);
                if (node.epoch + 1 < EPOCHS) {
                    after.add(world.with(i, new Node(node.votes, node.epoch + 1)));
                }
                for (int epoch = 0; epoch < EPOCHS; epoch++) {
                    for (int block = 0; block < BLOCKS.length; block++) {
                        if (maySign(world, node, epoch, block, rule)) {
                            after.add(world.with(i, node.vote(epoch, block)));
                        }
                    }
                }
            }
            after.stream().filter(seen::add).forEach(next::add);
        }
        return seen;
    }

    private static long forks(Set<World> worlds) {
        return worlds.stream()
                .filter(world -> world.isCertified(0) && world.isCertified(1))
                .count();
    }

    @Test
    void noHistoryCertifiesTwoBlocksOfOneNumber() {
        Set<World> worlds =
                explore((signed, epoch, hash, heard) -> signed.refusal(epoch, 0, hash, heard, FULL_NODES) == null);
        assertTrue(worlds.size() > 1_000, worlds.size() + " worlds");
        assertEquals(0, forks(worlds));
        // The model is not vacuous: either block gets through, in any epoch, and after others were signed.
        for (int block = 0; block < BLOCKS.length; block++) {
            for (int epoch = 0; epoch < EPOCHS; epoch++) {
                int b = block;
                int e = epoch;
                assertTrue(worlds.stream().anyMatch(world -> world.isCertified(e, b)), "block " + b + ", epoch " + e);
            }
        }
        assertTrue(
                worlds.stream()
                        .anyMatch(world -> world.isCertified(1, 0)
                                && world.nodes.stream()
                                        .anyMatch(node -> node.votes.get(0) == 1 && node.votes.get(1) == 0)),
                "who signed another block is freed where that one cannot have been certified");
    }

    @Test
    void aNewEpochEndsAStallThatOneErrorAndOneSilenceMade() {
        // Node 0 computed block 1 by an error, node 1 and 2 the right one; the fourth is silent at first.
        World stalled = new World(List.of(Node.FRESH.vote(0, 1), Node.FRESH.vote(0, 0), Node.FRESH.vote(0, 0)));
        List<EpochStatement> three = stalled.nodes.stream()
                .map(node -> statement(1, node.votesBefore(1)))
                .toList();
        SigningRecord erred = stalled.nodes.getFirst().signed();
        assertNotEquals(null, erred.refusal(1, 0, BLOCKS[0], three, FULL_NODES), "the fourth may have signed it too");
        List<EpochStatement> four = new ArrayList<>(three);
        four.add(statement(1, new TreeMap<>()));
        assertEquals(null, erred.refusal(1, 0, BLOCKS[0], four, FULL_NODES));
        assertEquals(null, stalled.nodes.get(1).signed().refusal(1, 0, BLOCKS[0], three, FULL_NODES));
    }

    @Test
    void weakerRulesWouldCertifyTwo() {
        // Once per epoch and number, and nothing more.
        Set<World> free = explore(
                (signed, epoch, hash, heard) -> !signed.votes().containsKey(epoch) && epoch >= signed.promised());
        assertTrue(forks(free) > 0);
        // Counting on it that nobody who states something lies.
        Set<World> trusting = explore((signed, epoch, hash, heard) -> !signed.votes()
                        .containsKey(epoch)
                && epoch >= signed.promised()
                && signed.votes().entrySet().stream()
                        .allMatch(old -> Arrays.equals(old.getValue(), hash)
                                || heard.stream()
                                                        .filter(one -> Arrays.equals(
                                                                one.votes().get(old.getKey()), old.getValue()))
                                                        .count()
                                                + FULL_NODES
                                                - heard.size()
                                        < QUORUM));
        assertTrue(forks(trusting) > 0);
    }
}
