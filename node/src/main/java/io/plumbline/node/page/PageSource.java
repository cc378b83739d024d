package io.plumbline.node.page;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.SortedMap;

/**
 * Sections that a role shows of itself and of its network. Everybody who reaches the page reads all of it: it has no
 * keys but public ones, no prompts, no answers, and no request hash by which either could be had. Texts of others'
 * making (feeds' names, addresses, reasons) are data to the page, never markup.
 */
@FunctionalInterface
public interface PageSource {
    /**
     * Sections by their names, as they are now; each is bounded, whatever the ledger holds. Called by one thread, once
     * a second at most, which may wait for the ledger.
     *
     * @throws IOException where they cannot be had now: those of before stay, and the page says why.
     */
    SortedMap<String, JsonNode> sections() throws IOException;
}
