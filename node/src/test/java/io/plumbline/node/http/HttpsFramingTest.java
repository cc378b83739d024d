package io.plumbline.node.http;

import io.plumbline.node.tls.TestCertificates;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;

/** Requests over TLS are framed as those in the clear, or refused. */
@Tag("slow")
class HttpsFramingTest extends HttpFramingTest {
    @TempDir
    static Path folder;

    @BeforeAll
    static void startOverTls() throws IOException {
        test.close();
        test = new TestServer(
                TestServer.LIMITS,
                TestCertificates.make(folder, "RSA", "localhost").context());
    }
}
