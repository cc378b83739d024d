package io.plumbline.node.network;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.databind.annotation.JsonTypeIdResolver;
import io.plumbline.verifier.audit.Level;
import java.util.List;

/**
 * What a running role reports. A record's name, in lower case with hyphens, is the event's name in JSON, and its
 * components are the fields; one that is null is left out. Requests, nodes, keys and models are named by 64
 * hexadecimal digits.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.CUSTOM, property = "event")
@JsonTypeIdResolver(EventNames.class)
@JsonInclude(JsonInclude.Include.NON_NULL)
public sealed interface Event {
    // Every role

    /**
     * The role does its work from now on.
     *
     * @param key its public key; null for a gateway.
     * @param model id of what it serves; null for others than inference nodes.
     * @param port it listens on; null for full nodes, whose ports are in the network's file.
     */
    record Ready(String role, String key, String model, Integer port) implements Event {}

    /** Where it is asked whether it is alive and ready. */
    record Listening(String host, int port) implements Event {}

    /**
     * The start goes on when what it waits for is there.
     *
     * @param fullNodes addresses of those that are not reached, or, where it is not known which, of all.
     * @param applied a full node's own height; null for others.
     */
    record Waiting(String waitsFor, List<String> fullNodes, Long applied) implements Event {
        public static Waiting forLedger(List<String> fullNodes, Long applied) {
            return new Waiting("the ledger, which needs a majority of its full nodes", fullNodes, applied);
        }
    }

    /** @param request that it went wrong for; null where for none. */
    record Error(String request, String message) implements Event {
        public Error(String message) {
            this(null, message);
        }
    }

    /** A library or the JDK has printed a line; with {@code --log-format json}. */
    record Printed(String line) implements Event {}

    /** The role runs, and not as it should be run. */
    record Warning(String message) implements Event {}

    /**
     * It cannot go on, and ends.
     *
     * @param what has failed: "engine", "driver", "ledger", "memory" or "thread".
     * @param exitCode that the process ends with.
     * @param why null where an event before has said it.
     */
    record Failed(String what, int exitCode, String why) implements Event {}

    /** It was told to end: nothing new is taken on, and what was begun has so many seconds. */
    record Draining(long seconds) implements Event {}

    /** @param whole whether all that was begun has ended by itself; what had not was cut. */
    record Drained(boolean whole, double seconds) implements Event {}

    // Inference nodes

    /**
     * A language model was loaded.
     *
     * @param on the processors or the device.
     * @param cacheMib memory for keys and values.
     */
    record Computes(String on, long cacheMib) implements Event {}

    /** A model is fetched from data nodes. */
    record Pulling(String model, int percent) implements Event {}

    /** Every byte of a model is compared with its manifest: a disk may have failed, and a lie costs the stake. */
    record Verifying(int percent) implements Event {}

    /** A GPU was not taken. */
    record NoGpu(String why) implements Event {}

    /** A backend for ONNX models was passed over. */
    record NotUsed(String backend, String why) implements Event {}

    /** A backend loads an ONNX model. */
    record Loading(String backend, int percent) implements Event {}

    /**
     * An ONNX model was loaded.
     *
     * @param why requests are not batched; null where they are.
     */
    record Serving(String engine, boolean batched, String why) implements Event {}

    /**
     * An answer was given.
     *
     * @param units tokens, or rows.
     * @param batch rows it was run with; null for tokens.
     * @param ordered height at which its receipt was ordered, or why it was not.
     */
    record Answered(String request, int units, Integer batch, boolean cancelled, double cpuMs, String ordered)
            implements Event {}

    /** An answer was run again, to be opened to auditors. */
    record Replayed(String request, double cpuMs) implements Event {}

    /** An escrow's request never came: the client has its money back. */
    record Declined(String request, String refused) implements Event {}

    /** A receipt was handed in again. */
    record SubmittedAgain(String request, String refused) implements Event {}

    /** An answer was given and is not paid for. */
    record Unpaid(String request, String status, String reasons) implements Event {}

    /** Fewer answers are accepted than asked for: auditors do not keep up. */
    record AuditorsBehind() implements Event {}

    /** They keep up again. */
    record AuditorsCaughtUp() implements Event {}

    // Gateways

    /** A file was changed, and is in force as it is now: API keys, or a certificate and its key. */
    record Renewed(String file, String what) implements Event {}

    /** @param account that paid for the tenant on the ledger. */
    record Credited(String tenant, long amount, String account) implements Event {}

    /** @param units tokens, or rows. */
    record Bought(String request, String node, int units, long price) implements Event {}

    /** A node is not asked for a while. */
    record LeftOut(String node, long seconds, String why) implements Event {}

    // Data nodes

    /**
     * A disk has changed some of a blob, which is not served until it is repaired.
     *
     * @param damagedBytes of it that are not proven by its id.
     */
    record Damaged(String blob, long damagedBytes, long bytes) implements Event {}

    /** A feed is reported on from now on, once in each round. */
    record Reports(String feed, String name, long roundMs) implements Event {}

    /** @param value an integer times 10 to the power of {@code -decimals}. */
    record Reported(String feed, long round, long value, int decimals, String unit) implements Event {}

    /** Nothing was reported for a round, and why: the source, what it said, or the ledger. */
    record NotReported(String feed, long round, String why) implements Event {}

    /**
     * A blob is kept for pay from now on.
     *
     * @param rounds that the deal is for, and {@code price} of each.
     */
    record DealAccepted(long deal, String blob, long bytes, int rounds, long price) implements Event {}

    /** An offer is not taken, and why. */
    record DealDeclined(long deal, String blob, String why) implements Event {}

    /** A challenge was answered in time, and the round is paid. */
    record StorageProven(long deal, int round, int proofBytes, long price) implements Event {}

    /** A challenge could not be answered yet, and why; it is tried again until it is too late. */
    record NotProven(long deal, String blob, int round, String why) implements Event {}

    /** All rounds of a deal were proven: the blob is kept for it no longer. */
    record DealEnded(long deal, String blob, int proven) implements Event {}

    /** A challenge was not answered in time: the deal is offered to others, and the collateral gone. */
    record DealLost(long deal, String blob, int proven, long collateral) implements Event {}

    /** The damaged part of a blob was sent again by other data nodes. */
    record Repaired(String blob, long bytes) implements Event {}

    // Full nodes

    /** It takes part in ordering. */
    record Joined() implements Event {}

    /** It copies what it lacks from another. */
    record Copying(long position) implements Event {}

    record Copied(long position) implements Event {}

    /** The key is being made of the model's weights. */
    record MakingKey(int percent) implements Event {}

    record KeyLoaded(long bytes) implements Event {}

    record TensorModelLoaded(String name) implements Event {}

    /** Its own audit of its own small answer found nothing, and everything that was broken in it. */
    record Rehearsed() implements Event {}

    /**
     * An answer was audited.
     *
     * @param exact what was checked of a language model's answer, or null.
     * @param tolerant what was checked of an ONNX model's, or null.
     * @param fault null where it is good.
     */
    record Audited(String request, Level level, boolean good, ExactWork exact, TolerantWork tolerant, Fault fault)
            implements Event {}

    /** What an audit has looked at. */
    sealed interface AuditWork {
        /** CPU time in milliseconds. */
        double cpuMs();
    }

    /** What an exact audit has looked at. */
    record ExactWork(long cells, long rows, long heads, long positions, long bytes, double cpuMs)
            implements AuditWork {}

    /** What a tolerant audit has looked at. */
    record TolerantWork(boolean runAgain, long elements, double cpuMs) implements AuditWork {}

    /**
     * What an audit has found.
     *
     * @param evidence file that shows it; null where nothing can.
     */
    record Fault(String step, String cell, String detail, String evidence) {}

    /** @param cell the last that was asked for; null where none was. */
    record CannotJudge(String request, String cell, String reason) implements Event {}

    /** A verdict came after its time. */
    record Late(String request, String reason) implements Event {}

    /** Another full node's verdict does not show the work of an audit. */
    record Lazy(String request, String auditor) implements Event {}

    /** A full node has put evidence, or a snapshot of the ledger, on a data node too. */
    record Archived(String blob, String pin, long bytes) implements Event {}

    /** Evidence was handed to the ledger. */
    record Accused(String request, int bytes, String refused) implements Event {}
}
