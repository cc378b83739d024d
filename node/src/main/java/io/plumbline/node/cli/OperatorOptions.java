package io.plumbline.node.cli;

import com.beust.jcommander.Parameter;
import io.plumbline.node.health.HealthRoutes;
import io.plumbline.node.health.Lifecycle;
import io.plumbline.node.health.OperatorListener;
import io.plumbline.node.http.HttpRoutes;
import io.plumbline.node.http.Origins;
import io.plumbline.node.metrics.RoleMetrics;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.LogFormat;
import io.plumbline.node.network.PrintedLines;
import io.plumbline.node.network.Severity;
import io.plumbline.node.page.LiveView;
import io.plumbline.node.page.PageRoutes;
import io.plumbline.node.page.PageSource;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/** Options of every process that stays, for its operator. */
public final class OperatorOptions {
    private static final int DRAIN_S = 30;

    @Parameter(
            names = "--health",
            description = "[HOST:]PORT: where /healthz, /readyz, /metrics and a full node's page are served over HTTP,"
                    + " to this host alone where no HOST is named; nowhere otherwise, but for what serves an API, which serves them at its"
                    + " own port then")
    private String health;

    @Parameter(
            names = "--allow-host",
            description = "NAME by which it is asked over plain HTTP, such as a container's or what a proxy says; again"
                    + " for more. Addresses that are numbers, localhost, --host and the hosts of --allow-origin are"
                    + " always taken, and any name for /healthz and /readyz")
    private List<String> hosts = new ArrayList<>();

    @Parameter(
            names = "--drain-seconds",
            description = "once it is told to end: seconds for what was begun, after which it is cut and receipted",
            validateValueWith = Bounds.AtLeastZero.class)
    private int drainSeconds = DRAIN_S;

    @Parameter(
            names = "--log-format",
            description = "json: each event a JSON object on a line of standard output, and each line that libraries"
                    + " print too; text: a line for a person. Where none is named a role prints events as JSON, and"
                    + " serve what a person needs")
    private LogFormat format;

    @Parameter(names = "--log-level", description = "the least that is printed: debug, info, warn or error")
    private Severity level = Severity.DEBUG;

    private RoleMetrics metrics;
    private volatile PageSource page = () -> {
        throw new IOException("It starts.");
    };

    /** Conditions on the options. */
    public List<Check> checks() {
        return List.of(this::address, this::hosts);
    }

    /** Whether the operator names a form for what is printed. */
    public boolean hasFormat() {
        return format != null;
    }

    /**
     * The process's events, as the operator wants them printed; they are counted too. Once in a process.
     *
     * @param role that they name.
     */
    public Events events(String role) {
        LogFormat as = format == null ? LogFormat.JSON : format;
        Events events = new Events(
                System.out, new Events.Form(role, as, level), metrics().events());
        if (hasFormat() && as == LogFormat.JSON) {
            System.setErr(new PrintStream(new PrintedLines(events::emit), true, StandardCharsets.UTF_8));
        }
        return events;
    }

    /** Null where none is named. */
    private OperatorListener.Address address() throws IOException {
        return health == null ? null : OperatorListener.Address.parse("--health", health);
    }

    /** Names by which its servers may be asked beside the hosts that they listen on. */
    public Set<String> hosts() throws IOException {
        try {
            return Origins.LOCAL.withHosts(Set.copyOf(hosts)).hosts();
        } catch (IllegalArgumentException e) {
            throw new IOException("--allow-host: " + e.getMessage(), e);
        }
    }

    /** Of the process, made when they are first wanted: each command has these options, and most measure nothing. */
    public synchronized RoleMetrics metrics() {
        if (metrics == null) {
            metrics = new RoleMetrics();
        }
        return metrics;
    }

    public Duration drainBound() {
        return Duration.ofSeconds(drainSeconds);
    }

    /**
     * Begins to listen, where the operator names a place. To be called before the role is there: that it starts, and is
     * alive, can be asked while a large model is loaded.
     *
     * @param host address that others reach the role at, a name of it then; null where there is none.
     * @param hasPage whether the role has a page for its operator, which {@link #show} gives it.
     */
    public void listen(String host, Lifecycle life, Consumer<Event> events, boolean hasPage) throws IOException {
        OperatorListener.Address address = address();
        if (address != null) {
            HttpRoutes routes = new HttpRoutes();
            HealthRoutes.addTo(routes, life::notReady);
            metrics().addTo(routes);
            Consumer<Throwable> faults = fault -> events.accept(new Event.Error(fault.toString()));
            if (hasPage) {
                LiveView view = new LiveView(() -> page.sections(), faults);
                PageRoutes.addTo(routes, view, PageRoutes.OPERATOR_STREAMS);
                view.start();
            }
            OperatorListener listener = new OperatorListener(address, names(host), routes, faults);
            events.accept(new Event.Listening(address.host(), listener.port()));
        }
    }

    private Set<String> names(String host) throws IOException {
        Set<String> names = new HashSet<>(hosts());
        // An address with colons is a number, which is taken anyway.
        if (host != null && !host.contains(":")) {
            names.add(host);
        }
        return names;
    }

    /** Gives the operator's page what it shows, once the role is there. */
    public void show(PageSource source) {
        page = source;
    }

    /** The metrics at an API's own port, where no other place is named for them. */
    public Consumer<HttpRoutes> apiRoutes() {
        return health == null ? metrics()::addTo : routes -> {};
    }
}
