package io.plumbline.ledger.order;

import io.plumbline.ledger.state.Feed;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.util.ArrayList;
import java.util.List;

/**
 * Some of the declared feeds, in the order of their ids. There may be more of them than one message holds.
 *
 * @param feeds at most {@link #MAX_FEEDS}.
 */
public record FeedPage(List<Feed> feeds) {
    /** Feeds of a page: some 120 KiB of the longest. */
    public static final int MAX_FEEDS = 256;

    public FeedPage {
        feeds = List.copyOf(feeds);
    }

    byte[] encode() {
        CanonicalWriter out = new CanonicalWriter().putInt(feeds.size());
        feeds.forEach(feed -> out.putFixed(feed.encode()));
        return out.toBytes();
    }

    /** @throws MalformedException where these bytes are no page. */
    public static FeedPage decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "feeds");
        int count = in.getInt("count");
        if (count < 0 || count > MAX_FEEDS) {
            throw new MalformedException("Malformed feeds: a page has " + count + " of them.");
        }
        List<Feed> feeds = new ArrayList<>();
        for (int n = 0; n < count; n++) {
            feeds.add(Feed.read(in));
        }
        in.end();
        return new FeedPage(feeds);
    }
}
