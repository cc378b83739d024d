package io.plumbline.node.full;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.ledger.state.Verdict;
import io.plumbline.node.full.AnswerAuditor.Finding;
import io.plumbline.node.network.Event;
import io.plumbline.node.page.LedgerSections;
import io.plumbline.node.page.NodeQuality;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * The answers that a full node has seen judged lately, on their way from the receipt to the certificate, and what it
 * looked at itself. A request goes by the beginning of its hash: by the whole of it the answer itself could be had. The
 * ledger's thread tells it, and others look.
 */
final class RecentAudits {
    /** Answers, audits and slashes that are kept, of each. */
    static final int MAX_KEPT = 64;

    /** Audits that found a lie, of those that are told. */
    private static final int MAX_LIES = 8;

    /** Reasons of verdicts that are shown of an answer. */
    private static final int MAX_REASONS = 4;

    /** Hexadecimal digits of a request's hash: enough to find its event, and no more. */
    private static final int DIGITS = 8;

    /** Steps whose faults quote what was asked or answered. */
    private static final Set<Step> QUOTING = Set.of(Step.PROMPT, Step.TEXT, Step.STOP);

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final NodeQuality quality = new NodeQuality(System::currentTimeMillis);
    private final Deque<ObjectNode> audits = new ArrayDeque<>();

    /** Apart, so that a lie stays to be seen when many good answers have come since. */
    private final Deque<ObjectNode> lies = new ArrayDeque<>();

    private final Deque<ObjectNode> slashes = new ArrayDeque<>();
    private boolean isLive;

    private final Map<Bytes32, Way> ways = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Bytes32, Way> eldest) {
            return size() > MAX_KEPT;
        }
    };

    /** How far an answer has come, and when; 0 where that was before this process began to follow. */
    private static final class Way {
        private Settlement now;
        private long orderedMs;
        private long revealingMs;
        private long closedMs;
        private long certifiedMs;
        private long block = -1;
    }

    /** Events from now on happen now; before, the log of earlier days was applied. */
    synchronized void live() {
        isLive = true;
    }

    private long nowMs() {
        return isLive ? System.currentTimeMillis() : 0;
    }

    /** An audit began, went into its next phase or came to its end. */
    synchronized void changed(Settlement settlement) {
        Bytes32 request = settlement.requestHash();
        Way way = ways.computeIfAbsent(request, unused -> new Way());
        boolean wasOpen = way.now == null || way.now.isOpen();
        boolean isNew = way.now == null || way.now.status() != settlement.status();
        way.now = settlement;
        if (isNew && settlement.status() == Status.AUDITING) {
            way.orderedMs = nowMs();
        } else if (isNew && settlement.status() == Status.REVEALING) {
            way.revealingMs = nowMs();
        } else if (isNew && !settlement.isOpen()) {
            way.closedMs = nowMs();
            way.certifiedMs = 0;
            way.block = -1;
            close(settlement, wasOpen);
        }
    }

    private void close(Settlement settlement, boolean wasOpen) {
        // An answer that was settled or refunded may be proven false afterwards: then it is both.
        if (wasOpen || settlement.status() == Status.SLASHED) {
            quality.closed(settlement);
        }
        if (settlement.status() == Status.SLASHED) {
            ObjectNode slash = MAPPER.createObjectNode()
                    .put("role", "inference node")
                    .put("key", settlement.node().toString())
                    .put("request", shortened(settlement.requestHash()))
                    .put("time_ms", nowMs())
                    .put("height", settlement.height())
                    .put("what", "Evidence that the ledger's own rules checked took its whole stake.");
            slash.set("reasons", reasons(settlement));
            add(slashes, slash);
        }
    }

    /** A block was certified: what came to its end by then is so too. */
    synchronized void certified(BlockHeader header) {
        for (Way way : ways.values()) {
            if (way.block < 0 && !way.now.isOpen() && way.now.height() <= header.height()) {
                way.block = header.number();
                way.certifiedMs = nowMs();
            }
        }
    }

    /** This full node has looked at an answer. */
    synchronized void audited(Settlement ordered, AskedCells asked, Finding finding) {
        ObjectNode json = begun(ordered, asked).put("verdict", finding.good() ? "GOOD" : "BAD");
        if (finding.looked() != null) {
            json.put("cpu_ms", finding.looked().cpuMs());
        }
        long rows = 0;
        long heads = 0;
        long positions = 0;
        if (finding.looked() instanceof Event.ExactWork exact) {
            rows = exact.rows();
            heads = exact.heads();
            positions = exact.positions();
            json.put("rows", rows)
                    .put("heads", heads)
                    .put("positions", positions)
                    .put("bytes", exact.bytes());
        } else if (finding.looked() instanceof Event.TolerantWork tolerant) {
            json.put("elements", tolerant.elements());
        }
        if (!finding.good()) {
            ObjectNode fault = json.putObject("fault")
                    .put("step", finding.failure().step().name())
                    .put("place", LedgerSections.text(finding.failure().place()));
            if (!QUOTING.contains(finding.failure().step())) {
                fault.put("detail", LedgerSections.text(finding.failure().detail()));
            }
            if (finding.evidence() != null) {
                fault.put("evidence_bytes", finding.evidence().length).put("proof", finding.isProof());
            }
        }
        quality.audited(ordered.node(), finding.good(), asked.count(), rows, heads, positions);
        add(finding.good() ? audits : lies, json);
    }

    /** This full node could not judge an answer. */
    synchronized void unjudged(Settlement ordered, AskedCells asked, String why) {
        add(audits, begun(ordered, asked).put("verdict", "NONE").put("why", LedgerSections.text(why)));
    }

    private ObjectNode begun(Settlement ordered, AskedCells asked) {
        int prompt = ordered.receipt().promptTokens();
        ObjectNode json = MAPPER.createObjectNode()
                .put("request", shortened(ordered.requestHash()))
                .put("node", ordered.node().toString())
                .put("level", ordered.level().name())
                .put("time_ms", System.currentTimeMillis())
                .put("layers", asked.layers())
                .put("prompt_tokens", prompt)
                .put("tokens", prompt + ordered.receipt().outputTokens() - 1)
                .put("posted", ordered.audit().postedCells().size())
                .put("cells_asked", asked.count());
        ArrayNode cells = json.putArray("cells");
        asked.first().forEach(cell -> cells.add(of(cell)));
        json.set("last", asked.last() == null ? null : of(asked.last()));
        return json;
    }

    private static ArrayNode of(Cell cell) {
        return MAPPER.createArrayNode().add(cell.layer()).add(cell.from()).add(cell.to());
    }

    private static void add(Deque<ObjectNode> to, ObjectNode one) {
        to.addFirst(one);
        if (to.size() > MAX_KEPT) {
            to.removeLast();
        }
    }

    private static String shortened(Bytes32 requestHash) {
        return requestHash.toString().substring(0, DIGITS);
    }

    private static ArrayNode reasons(Settlement settlement) {
        ArrayNode json = MAPPER.createArrayNode();
        settlement.reasons().stream()
                .distinct()
                .limit(MAX_REASONS)
                .forEach(reason -> json.add(LedgerSections.text(reason)));
        return json;
    }

    /** The section of answers, the latest first. */
    synchronized ArrayNode answers() {
        ArrayNode json = MAPPER.createArrayNode();
        ways.values().forEach(way -> json.insert(0, answer(way)));
        return json;
    }

    private static ObjectNode answer(Way way) {
        Settlement now = way.now;
        ObjectNode json = MAPPER.createObjectNode()
                .put("request", shortened(now.requestHash()))
                .put("node", now.node().toString())
                .put("level", now.level().name())
                .put("status", now.status().name())
                .put("ordered_ms", way.orderedMs)
                .put("revealing_ms", way.revealingMs)
                .put("closed_ms", way.closedMs)
                .put("certified_ms", way.certifiedMs)
                .put("block", way.block)
                .put("auditors", now.audit().auditors().size())
                .put("committed", now.audit().committed())
                .put("lazy", now.audit().lazy().size());
        if (now.receipt() != null) {
            json.put("tokens", now.receipt().promptTokens() + now.receipt().outputTokens())
                    .put("price", now.receipt().price());
        }
        if (now.status() == Status.SETTLED) {
            // The settlement leaves the state then, and the node has its price.
            json.put("pays_ms", now.audit().deadlineMs());
        }
        ObjectNode verdicts = json.putObject("verdicts");
        for (Verdict verdict : now.audit().verdicts().values()) {
            String opinion = verdict.opinion().name().toLowerCase(Locale.ROOT);
            verdicts.put(opinion, verdicts.path(opinion).asInt() + 1);
        }
        json.set("reasons", reasons(now));
        return json;
    }

    /** The section of this full node's own audits: those that found a lie, then the others, the latest first. */
    synchronized ArrayNode audits() {
        ArrayNode json = MAPPER.createArrayNode();
        lies.stream().limit(MAX_LIES).forEach(json::add);
        audits.forEach(json::add);
        return json;
    }

    /** The inference nodes that lost their stakes, the latest first. */
    synchronized ArrayNode slashes() {
        ArrayNode json = MAPPER.createArrayNode();
        slashes.forEach(json::add);
        return json;
    }

    /** How answers came out by node. */
    NodeQuality quality() {
        return quality;
    }
}
