package io.plumbline.verifier.audit;

/** What an audit checks, in the order of docs/audit-protocol.md; a failure names one of these. */
public enum Step {
    SIGNATURE("the node's signature"),
    REQUEST("the receipt belongs to this request"),
    PROMPT("the prompt tokens are what the messages become"),
    MODEL("the model is the one asked for"),
    OUTPUT("the output hash covers tokens and text"),
    TEXT("the text is what the output tokens say"),
    STOP("the answer ends where the stop rule says"),
    OPENING("the opening has the size its cell asks for"),
    SLICE("the opened records belong to the trace root"),
    HEADER("the trace header agrees with the receipt"),
    PADDING("the unused bytes and fields of a record are zero"),
    EMBEDDING("the first residual is the token's embedding row"),
    QKV("query, key and value products"),
    DECAY("the products by which states decay and are updated"),
    RECURRENT_STATE("the committed states of linear attention"),
    KV_ROWS("the committed key and value rows"),
    SCORES("attention scores"),
    VALUES("attention sums"),
    OUT_PROJECTION("the attention output's products"),
    ROUTER("the router's products, by which experts are chosen"),
    GATE_UP("gate and up products"),
    DOWN("down products"),
    PER_LAYER_INPUT("the products of a token's first residual for a layer's own embedding of it"),
    PER_LAYER_GATE("the products by which that embedding is gated"),
    PER_LAYER_OUT("the products of what went through its gate"),
    RESIDUAL("the residual entering the next layer"),
    NUMBERS("every number is finite"),
    TOKENS("the token ids in the trace are the request's and the answer's"),
    LOGITS("the output matrix's products"),
    SAMPLING("the chosen token follows from the logits"),
    REPLAY("re-execution gives the same trace root"),
    ENGINE("the engine is of the precision asked for"),
    TOLERANCE("running it again gives the same within the model's bounds"),
    INPUTS("inputs that are facts hold what the ledger has certified");

    private final String meaning;

    Step(String meaning) {
        this.meaning = meaning;
    }

    /** What holds when this step passes. */
    public String meaning() {
        return meaning;
    }
}
