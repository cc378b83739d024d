package io.plumbline.node.client;

import io.plumbline.node.network.BusyException;
import io.plumbline.node.network.Deadline;
import io.plumbline.node.network.LostException;
import io.plumbline.transport.Peer;
import io.plumbline.transport.nodewire.MessageHeaderEncoder;
import java.io.IOException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.agrona.ExpandableArrayBuffer;

/** Calls to nodes, from their message to their reply, refusal or loss. Called by any thread. */
final class Calls {
    private final PendingReplies<Call<?>> pending = new PendingReplies<>();
    private final long timeoutMs;

    /** Writes a call's message under its number. */
    interface Encode {
        /** @return bytes after the message's header. */
        int encode(long id, ExpandableArrayBuffer buffer);
    }

    /** @param timeoutMs longest wait for a node's next sign of life. */
    Calls(long timeoutMs) {
        this.timeoutMs = timeoutMs;
    }

    long timeoutMs() {
        return timeoutMs;
    }

    /** What waits for a reply of {@code from} under this number; null where nothing does. */
    Call<?> find(Peer from, long id) {
        return pending.find(from, id);
    }

    /** The number under which the call waits for {@code peer} from now on. */
    long add(Peer peer, Call<?> call) {
        return pending.add(peer, call);
    }

    /** As {@link #add}, under a given number: for tests. */
    void put(long id, Peer peer, Call<?> call) {
        pending.put(id, peer, call);
    }

    void remove(long id) {
        pending.remove(id);
    }

    /** Nothing waits any longer for a peer that is gone. */
    void onLost(Peer peer) {
        pending.of(peer).forEach(call -> call.fail(lost(peer)));
    }

    static LostException lost(Peer peer) {
        return new LostException("The inference node at " + peer.address() + " is not reached: " + peer.lost() + ".");
    }

    /** Sends a call's message. */
    static void send(Peer peer, long id, Call<?> call, Encode encode) {
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);
        int length = MessageHeaderEncoder.ENCODED_LENGTH + encode.encode(id, buffer);
        peer.send(buffer, 0, length);
        if (peer.lost() != null) {
            // Nobody may have been told of this call any more.
            call.fail(lost(peer));
        }
    }

    /** Sends it and waits for its reply. */
    <T> T call(Peer peer, Call<T> call, Deadline deadline, Encode encode) throws IOException {
        long id = add(peer, call);
        try {
            send(peer, id, call, encode);
            return await(call, deadline);
        } catch (ExecutionException | TimeoutException | InterruptedException e) {
            throw failure(peer, e);
        } finally {
            remove(id);
        }
    }

    private <T> T await(Call<T> call, Deadline deadline)
            throws ExecutionException, InterruptedException, TimeoutException {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        while (true) {
            long left = Math.min(end - System.nanoTime(), deadline.leftNs());
            try {
                return call.get(Math.min(left, Deadline.LOOK_NS));
            } catch (TimeoutException e) {
                if (left <= Deadline.LOOK_NS) {
                    throw e;
                }
            }
        }
    }

    /** What is thrown for it; a refusal by the node is thrown here as what it is. */
    IOException failure(Peer peer, Exception e) {
        switch (e) {
            case ExecutionException failed
            when failed.getCause() instanceof IllegalArgumentException refused -> throw refused;
            case ExecutionException failed
            when failed.getCause() instanceof IllegalStateException wrong -> {
                return new IOException(
                        "The inference node at " + peer.address() + " does not keep to the protocol: "
                                + wrong.getMessage() + ".",
                        wrong);
            }
            case ExecutionException failed
            when failed.getCause() instanceof BusyException busy -> {
                return busy;
            }
            case ExecutionException failed
            when failed.getCause() instanceof LostException lost -> {
                return new LostException(lost);
            }
            case ExecutionException failed -> {
                return new IOException(failed.getCause().getMessage(), failed.getCause());
            }
            case TimeoutException late -> {
                return new IOException(
                        "The inference node at " + peer.address() + " did not answer in time, " + timeoutMs / 1000
                                + " s at most.",
                        late);
            }
            default -> {
                Thread.currentThread().interrupt();
                return new IOException("Interrupted while waiting for " + peer.address() + ".", e);
            }
        }
    }
}
