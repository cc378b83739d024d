package io.plumbline.ledger.state;

/**
 * A full node's signatures as its own replica has them, once a command that it made up after its start stands in the
 * order: blocks from {@code fresh} on commit to that command, so their signatures are
 * younger than the start, whatever the leader shows.
 *
 * @param place of the full node in the genesis.
 * @param fresh number of the first block that is closed after that command.
 * @param lastSigned highest number of a block, among those that are remembered, under which the full node's own
 *     signature stands; -1 where there is none.
 * @param isNew whether no block was ever certified: then there is nothing a full node can have forgotten.
 */
public record SigningSeen(int place, long fresh, long lastSigned, boolean isNew) {}
