package io.plumbline.node.cli.role;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.ParametersDelegate;
import io.plumbline.node.cli.ApiOptions;
import io.plumbline.node.cli.Bounds;
import io.plumbline.node.cli.Check;
import io.plumbline.node.cli.NamedModel;
import io.plumbline.node.cli.NamedPaths;
import io.plumbline.node.gateway.Gateway;
import io.plumbline.node.gateway.NodeWish;
import io.plumbline.node.gateway.Terms;
import io.plumbline.node.health.FaultListener;
import io.plumbline.node.health.RunningRole;
import io.plumbline.node.network.Network;
import io.plumbline.node.tenant.Payers;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** {@code plumbline gateway}. */
@Parameters(
        commandNames = "gateway",
        commandDescription = "Serve the OpenAI API and the Open Inference Protocol over HTTP.")
public final class GatewayCommand extends RoleCommand {
    /** Asked of nodes side by side where the operator names no other number. */
    private static final int ANSWERS_TOGETHER = 64;

    @Parameter(
            names = "--model",
            required = true,
            description =
                    "DIR or NAME=DIR: imported model, and the name clients know it by where it is not the folder's; again"
                            + " for more; language models and ONNX models",
            converter = NamedModel.Converter.class)
    private List<NamedModel> models = new ArrayList<>();

    @Parameter(names = "--port", description = "HTTP port, 0 for any", validateValueWith = Bounds.Port.class)
    private int port = 8080;

    @Parameter(
            names = "--level",
            description = "how answers are audited where a client does not say: SIGNED, AUDITED or FULL")
    private Level level = Level.AUDITED;

    @Parameter(
            names = "--least-level",
            description = "the lowest level that a client may ask for: SIGNED, AUDITED or FULL")
    private Level leastLevel = Level.SIGNED;

    @Parameter(
            names = "--prefer",
            description = "of several nodes that would do, where a client does not say: the PRICE or the LATENCY that"
                    + " comes first")
    private NodeWish.Preference prefer = NodeWish.Preference.PRICE;

    @Parameter(
            names = "--max-price",
            description = "the most that is paid for a token, or for a row of an ONNX model's batch, whoever asks",
            validateValueWith = Bounds.AtLeastZero.class)
    private long maxPrice = Terms.DEFAULT_MAX_PRICE;

    @Parameter(
            names = "--hedge-ms",
            description = "where a node gave no first token within so many milliseconds another is asked as well, and"
                    + " the one with the first token answers; 0 asks none",
            validateValueWith = Bounds.AtLeastZero.class)
    private long hedgeMs;

    @Parameter(
            names = "--pay-per-call",
            description = "requests without an API key are answered where an account of the ledger pays for each, and"
                    + " refused with 402 and what they cost otherwise")
    private boolean payPerCall;

    @ParametersDelegate
    private ApiOptions api = new ApiOptions();

    @Override
    List<Check> ownChecks() {
        List<Check> checks = new ArrayList<>(api.checks());
        for (NamedModel model : models) {
            checks.add(() -> NamedPaths.requireFolder("--model", model.folder()));
        }
        checks.add(() -> requireAuditable("--level", level));
        checks.add(() -> requireAuditable("--least-level", leastLevel));
        checks.add(() -> {
            if (level.compareTo(leastLevel) < 0) {
                throw new IOException("--level " + level + " is below --least-level " + leastLevel + ".");
            }
        });
        checks.add(() -> NamedModel.folders(models));
        return checks;
    }

    private static void requireAuditable(String option, Level level) throws IOException {
        if (level == Level.REPLAYED) {
            throw new IOException(option + " is SIGNED, AUDITED or FULL: full nodes have no weights to replay with.");
        }
    }

    @Override
    RunningRole open(Network on, KeyPair keys, FaultListener faults) throws IOException {
        Terms terms = new Terms(level, leastLevel, maxPrice, prefer, hedgeMs);
        Gateway.Context context = new Gateway.Context(
                dir,
                host,
                port,
                terms,
                api.origins(operator.hosts()),
                api.access(dir, ANSWERS_TOGETHER, events::emit),
                payPerCall ? new Payers(dir, ANSWERS_TOGETHER) : null,
                operator.apiRoutes());
        return Gateway.launch(on, keys, NamedModel.folders(models), context, events, faults);
    }
}
