package io.plumbline.node.http;

import io.plumbline.node.tls.TestCertificates;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;

/** Connections over TLS are kept, shared and ended as those in the clear. */
@Tag("slow")
class HttpsConnectionTest extends HttpConnectionTest {
    @TempDir
    Path folder;

    @Override
    TestServer server(HttpLimits limits) throws IOException {
        return new TestServer(
                limits, TestCertificates.make(folder, "EC", "localhost").context());
    }
}
