package io.plumbline.node.tenant;

import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * What a request may cost beyond what is known to be used of it: that is certain later only.
 *
 * @param most that it may come to, in the ledger's smallest unit.
 * @param answers of nodes that it stands for, 1 or more: each is followed until it is certain.
 * @param cost says what it comes to; asked once, where there is a budget to charge.
 */
public record Rest(long most, int answers, Supplier<CompletableFuture<Long>> cost) {}
