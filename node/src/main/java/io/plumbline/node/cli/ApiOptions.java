package io.plumbline.node.cli;

import com.beust.jcommander.Parameter;
import io.plumbline.node.gateway.Access;
import io.plumbline.node.http.Origins;
import io.plumbline.node.network.Event;
import io.plumbline.node.tenant.TenantFile;
import io.plumbline.node.tenant.Tenants;
import io.plumbline.node.tls.CertificateFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/** Options of every command that serves an API: the tenants, the certificate, the web pages that may use it. */
public final class ApiOptions {
    @Parameter(
            names = "--api-keys",
            description = "FILE: of those that may use it, which ./plumbline api-key makes; everybody may where none is"
                    + " named. Read again when it changes")
    private Path apiKeys;

    @Parameter(
            names = "--concurrent",
            description = "answers computed side by side for those with keys, who take turns beyond that; what this"
                    + " process computes at once, or 64 for a gateway, where none is named",
            validateValueWith = Bounds.AtLeastOne.class)
    private Integer concurrent;

    @Parameter(
            names = "--tls-certificate",
            description = "FILE: of the server's certificate and those that vouch for it, in PEM; served in the clear"
                    + " where none is named. Read again when it changes")
    private Path certificate;

    @Parameter(
            names = "--tls-key",
            description = "FILE: of the certificate's private key, in PEM (PKCS#8), readable by its owner alone")
    private Path key;

    @Parameter(
            names = "--allow-origin",
            description = "ORIGIN of web pages that may use it from a browser, such as https://app.example; again for"
                    + " more, * for all. Pages of the browser's own host always may")
    private List<String> origins = new ArrayList<>();

    /**
     * The web pages that may use it.
     *
     * @param hosts names by which it may be asked: see {@link OperatorOptions#hosts}.
     */
    public Origins origins(Set<String> hosts) throws IOException {
        try {
            return new Origins(Set.copyOf(origins), hosts);
        } catch (IllegalArgumentException e) {
            throw new IOException("--allow-origin: " + e.getMessage(), e);
        }
    }

    /** Whether it is served over TLS. */
    public boolean isTls() {
        return certificate != null;
    }

    /** Whether clients need a key. */
    public boolean hasKeys() {
        return apiKeys != null;
    }

    /** Conditions on the options, and on the files that they name. */
    public List<Check> checks() {
        return List.of(this::requireTlsWhole, this::requireTurnsByKeys, () -> origins(Set.of()), this::requireKeysRead);
    }

    private void requireTlsWhole() throws IOException {
        if ((certificate == null) != (key == null)) {
            throw new IOException((key == null ? "--tls-certificate" : "--tls-key")
                    + " needs the other one too: TLS takes both --tls-certificate and --tls-key.");
        }
        if (isTls()) {
            NamedPaths.requireFile("--tls-certificate", certificate);
            NamedPaths.requireFile("--tls-key", key);
            CertificateFiles.requireSound(certificate, key);
        }
    }

    private void requireTurnsByKeys() throws IOException {
        if (concurrent != null && apiKeys == null) {
            throw new IOException("--concurrent goes with --api-keys: without them turns are not taken.");
        }
    }

    private void requireKeysRead() throws IOException {
        if (hasKeys()) {
            NamedPaths.requireFile("--api-keys", apiKeys);
            TenantFile.read(apiKeys);
        }
    }

    /**
     * Reads the files.
     *
     * @param folder of the process, where is kept what tenants have used.
     * @param together answers that are computed side by side where the operator names no other number.
     */
    public Access access(Path folder, int together, Consumer<Event> events) throws IOException {
        CertificateFiles files = isTls() ? new CertificateFiles(certificate, key, events) : null;
        Tenants tenants =
                hasKeys() ? new Tenants(apiKeys, folder, concurrent != null ? concurrent : together, events) : null;
        return new Access(tenants, files);
    }
}
