package io.plumbline.node.page;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import java.util.ArrayDeque;
import java.util.Deque;

/** The last certified blocks that a role has seen, the newest first. Any thread may call. */
public final class RecentBlocks {
    /** Blocks that are kept. */
    static final int MAX_BLOCKS = 48;

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final Deque<Block> blocks = new ArrayDeque<>();

    private record Block(BlockHeader header, Certificate certificate) {}

    /**
     * Adds a block whose certificate holds, unless it is no newer than the last one.
     *
     * @return whether it was added.
     */
    public synchronized boolean add(BlockHeader header, Certificate certificate) {
        if (!blocks.isEmpty() && blocks.getFirst().header.number() >= header.number()) {
            return false;
        }
        blocks.addFirst(new Block(header, certificate));
        if (blocks.size() > MAX_BLOCKS) {
            blocks.removeLast();
        }
        return true;
    }

    /** The section: number, height, time, root, and the places of the full nodes that signed. */
    public synchronized ArrayNode section() {
        ArrayNode json = MAPPER.createArrayNode();
        for (Block block : blocks) {
            ObjectNode one = json.addObject()
                    .put("number", block.header.number())
                    .put("height", block.header.height())
                    .put("time_ms", block.header.timeMs())
                    .put("epoch", block.certificate.epoch())
                    .put("state_root", Blake3.hex(block.header.stateRoot()));
            ArrayNode signers = one.putArray("signers");
            block.certificate.signatures().keySet().forEach(signers::add);
        }
        return json;
    }
}
