package io.plumbline.data.erasure;

import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.SourceSurvey;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/** Blobs that data nodes have under a pin: any node may make one up, so what more of them name comes first. */
final class NamedByNodes {
    /** For which nodes are asked. */
    static final long ASK_MS = 15_000;

    private static final int MOST_OF_A_NODE = 4;
    private static final int MOST = 16;

    /** Tells the thing that a pinned blob stands for. */
    @FunctionalInterface
    interface Reader<T> {
        /**
         * Reads one.
         *
         * @return null where it is none that is looked for.
         * @throws IOException where the node does not give it: it counts for nothing then.
         */
        T read(Bytes32 pinned, BlobNode node) throws IOException;
    }

    private NamedByNodes() {}

    /** At most {@value #MOST}, of {@value #MOST_OF_A_NODE} of each node, in a list that may be changed. */
    static <T> List<T> find(List<BlobNode> nodes, String pin, Reader<T> reader) throws IOException {
        Map<T, Integer> named = new ConcurrentHashMap<>();
        SourceSurvey.run(nodes, ASK_MS, (BlobNode node) -> {
            List<Bytes32> pinned = node.pinned(pin);
            for (Bytes32 one : pinned.subList(0, Math.min(pinned.size(), MOST_OF_A_NODE))) {
                try {
                    T read = reader.read(one, node);
                    if (read != null) {
                        named.merge(read, 1, Integer::sum);
                    }
                } catch (IOException e) {
                    // The next one, perhaps.
                }
            }
        });
        return named.entrySet().stream()
                .sorted(Map.Entry.<T, Integer>comparingByValue().reversed())
                .limit(MOST)
                .map(Map.Entry::getKey)
                .collect(Collectors.toCollection(ArrayList::new));
    }
}
