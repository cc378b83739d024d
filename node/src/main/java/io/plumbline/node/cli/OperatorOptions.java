package io.plumbline.node.cli;

import com.beust.jcommander.Parameter;
import io.plumbline.node.health.HealthRoutes;
import io.plumbline.node.health.Lifecycle;
import io.plumbline.node.health.OperatorListener;
import io.plumbline.node.http.HttpRoutes;
import io.plumbline.node.metrics.RoleMetrics;
import io.plumbline.node.network.Event;
import java.io.IOException;
import java.time.Duration;
import java.util.function.Consumer;
import org.agrona.ErrorHandler;

/** What every process that stays offers its operator. */
public final class OperatorOptions {
    private static final int DRAIN_S = 30;

    @Parameter(
            names = "--health",
            description = "[HOST:]PORT: where /healthz, /readyz and /metrics are served over HTTP, to this host alone"
                    + " where no HOST is named; nowhere otherwise, but for what serves an API, which serves them at its"
                    + " own port then")
    private String health;

    @Parameter(
            names = "--drain-seconds",
            description = "once it is told to end: seconds for what was begun, after which it is cut and receipted")
    private int drainSeconds = DRAIN_S;

    private final RoleMetrics metrics = new RoleMetrics();

    /** Looks at the options, before anything is started. */
    public void requireSound() throws IOException {
        if (drainSeconds < 0) {
            throw new IOException("--drain-seconds must be 0 or more, not " + drainSeconds + ".");
        }
        address();
    }

    /** Null where none is named. */
    private OperatorListener.Address address() throws IOException {
        return health == null ? null : OperatorListener.Address.parse("--health", health);
    }

    /** Of the process. */
    public RoleMetrics metrics() {
        return metrics;
    }

    public Duration drainBound() {
        return Duration.ofSeconds(drainSeconds);
    }

    /**
     * Begins to listen, where the operator names a place. To be called before the role is there: that it starts, and is
     * alive, can be asked while a large model is loaded.
     *
     * @param errors hears what goes wrong with the listener.
     */
    public void listen(Lifecycle life, Consumer<Event> events, ErrorHandler errors) throws IOException {
        OperatorListener.Address address = address();
        if (address != null) {
            HttpRoutes routes = new HttpRoutes();
            HealthRoutes.addTo(routes, life::notReady);
            metrics.addTo(routes);
            OperatorListener listener = new OperatorListener(address, routes, errors::onError);
            events.accept(new Event.Listening(address.host(), listener.port()));
        }
    }

    /** The metrics at an API's own port, where no other place is named for them. */
    public Consumer<HttpRoutes> apiRoutes() {
        return health == null ? metrics::addTo : routes -> {};
    }
}
