package io.plumbline.node.gateway;

import io.plumbline.node.client.AnswerStream;
import io.plumbline.node.client.DeliveredTokens;
import io.plumbline.node.client.NodeClient;
import java.io.IOException;

/** An answer that counts as under way until it is whole, fails or is given up. */
final class PacedAnswer implements AnswerStream {
    private final AnswerStream answer;
    private final NodePace.Reading reading;

    PacedAnswer(AnswerStream answer, NodePace.Reading reading) {
        this.answer = answer;
        this.reading = reading;
    }

    @Override
    public DeliveredTokens delivered() {
        return answer.delivered();
    }

    @Override
    public NodeClient.Answered await() throws IOException {
        try {
            return answer.await();
        } finally {
            reading.end();
        }
    }

    @Override
    public void cancel() {
        reading.givenUp();
        answer.cancel();
    }

    @Override
    public void close() {
        reading.end();
        answer.close();
    }
}
