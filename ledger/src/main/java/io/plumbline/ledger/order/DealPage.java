package io.plumbline.ledger.order;

import io.plumbline.ledger.state.StorageDeal;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.util.ArrayList;
import java.util.List;

/**
 * Some of an account's storage deals, in the order of their numbers. There may be more of them than one message holds.
 *
 * @param deals at most {@link #MAX_DEALS}.
 */
public record DealPage(List<StorageDeal> deals) {
    /** Deals of a page: some 70 KiB. */
    public static final int MAX_DEALS = 256;

    public DealPage {
        deals = List.copyOf(deals);
    }

    byte[] encode() {
        CanonicalWriter out = new CanonicalWriter().putInt(deals.size());
        deals.forEach(deal -> out.putFixed(deal.encode()));
        return out.toBytes();
    }

    /** @throws MalformedException where these bytes are no page. */
    public static DealPage decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "storage deals");
        int count = in.getInt("count");
        if (count < 0 || count > MAX_DEALS) {
            throw new MalformedException("Malformed storage deals: a page has " + count + " of them.");
        }
        List<StorageDeal> deals = new ArrayList<>();
        for (int n = 0; n < count; n++) {
            deals.add(StorageDeal.read(in));
        }
        in.end();
        return new DealPage(deals);
    }
}
