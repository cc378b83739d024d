package io.plumbline.client.langchain4j;

import dev.langchain4j.model.chat.response.ChatResponseMetadata;
import io.plumbline.client.AnswerReceipt;
import java.util.Objects;

/** A response's metadata with the answer's receipt: {@code response.metadata()} of Plumbline's models is one. */
public final class PlumblineResponseMetadata extends ChatResponseMetadata {
    private final AnswerReceipt receipt;

    PlumblineResponseMetadata(Filled filled) {
        super(filled);
        this.receipt = Objects.requireNonNull(filled.receipt, "receipt");
    }

    /** Signed by the node that answered; its signature holds. */
    public AnswerReceipt receipt() {
        return receipt;
    }

    @Override
    public Filled toBuilder() {
        Filled filled = new Filled(receipt);
        toBuilder(filled);
        return filled;
    }

    /** LangChain4j's builder, with a receipt. */
    static final class Filled extends ChatResponseMetadata.Builder<Filled> {
        private final AnswerReceipt receipt;

        Filled(AnswerReceipt receipt) {
            this.receipt = receipt;
        }

        @Override
        public PlumblineResponseMetadata build() {
            return new PlumblineResponseMetadata(this);
        }
    }
}
