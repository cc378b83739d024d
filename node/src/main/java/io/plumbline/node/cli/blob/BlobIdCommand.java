package io.plumbline.node.cli.blob;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.ParametersDelegate;
import io.plumbline.data.store.BlobIds;
import io.plumbline.data.store.BlobStore;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

/** A command about one blob, by its id and perhaps more words. */
abstract class BlobIdCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(description = "ID: 64 hexadecimal digits, as b3sum prints them")
    private List<String> words = new ArrayList<>();

    @Parameter(names = "--json", description = "print one JSON object")
    boolean json;

    @ParametersDelegate
    BlobPlaces places = new BlobPlaces();

    /** Words that the command takes, the id first; a word in capitals for messages. */
    abstract List<String> form();

    /** @param more words after the id. */
    abstract int run(Bytes32 id, List<String> more, BlobStore store) throws IOException;

    @Override
    public final Integer call() throws IOException {
        if (words.size() != form().size()) {
            throw new IOException("Name " + String.join(" and ", form()) + ".");
        }
        Bytes32 id;
        try {
            id = BlobIds.parse(words.getFirst());
        } catch (IllegalArgumentException e) {
            throw new IOException(e.getMessage(), e);
        }
        try (BlobStore store = places.hasStore() ? places.openStore() : null) {
            return run(id, words.subList(1, words.size()), store);
        }
    }
}
