package io.plumbline.node.http;

import java.io.IOException;
import java.io.OutputStream;

/** An answer's body that comes in pieces: each may wait for the client, which is measured. */
final class PacedOutput extends OutputStream {
    private final OutputStream out;
    private final AnswerPace pace;

    PacedOutput(OutputStream out, AnswerPace pace) {
        this.out = out;
        this.pace = pace;
    }

    private interface Write {
        void run() throws IOException;
    }

    private void paced(Write write) throws IOException {
        pace.beginWrite();
        try {
            write.run();
        } finally {
            pace.endWrite();
        }
    }

    @Override
    public void write(int b) throws IOException {
        paced(() -> out.write(b));
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        paced(() -> out.write(bytes, offset, length));
    }

    @Override
    public void flush() throws IOException {
        paced(out::flush);
    }

    @Override
    public void close() throws IOException {
        paced(out::close);
    }
}
