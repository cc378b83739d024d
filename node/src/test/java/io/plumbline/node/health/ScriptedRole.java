package io.plumbline.node.health;

import io.plumbline.node.network.Events;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.agrona.concurrent.AgentTerminationException;

/** A process whose role does what its argument says, for {@link LifecycleTest}. */
final class ScriptedRole {
    private ScriptedRole() {}

    public static void main(String[] arguments) throws Exception {
        Events events = new Events(System.out);
        int code = ExitCode.FAILED.code();
        try {
            code = new Lifecycle(events::emit)
                    .run(faults -> open(arguments[0], events, faults), Duration.ofSeconds(1))
                    .code();
        } catch (IOException e) {
            System.err.println(e.getMessage());
        }
        System.exit(code);
    }

    private static RunningRole open(String script, Events events, FaultListener faults) throws IOException {
        boolean hangs = script.endsWith("-and-hangs");
        switch (script.replace("-and-hangs", "")) {
            case "memory" ->
                Thread.ofPlatform().start(() -> {
                    throw new OutOfMemoryError("told to");
                });
            case "virtual-memory" ->
                Thread.ofVirtual().start(() -> {
                    throw new OutOfMemoryError("told to");
                });
            case "thread" ->
                Thread.ofPlatform().start(() -> {
                    throw new IllegalStateException("told to");
                });
            case "task" ->
                Thread.ofVirtual().start(() -> {
                    throw new IllegalStateException("told to");
                });
            case "agent" -> Lifecycle.errors(events::emit, faults).onError(new AgentTerminationException("told to"));
            case "engine" -> faults.onFault(ExitCode.ENGINE, new IllegalStateException("told to"));
            case "refuses" -> throw new IOException("It does not start.");
            case "starts-for-ever" -> {
                System.out.println("{\"event\":\"starting\"}");
                park();
            }
            default -> {
                // It runs.
            }
        }
        System.out.println("{\"event\":\"running\"}");
        return new RunningRole() {
            private volatile boolean isCut;

            @Override
            public String notReady() {
                return null;
            }

            @Override
            public boolean isIdle() {
                return !script.equals("busy") || isCut;
            }

            @Override
            public void cut() {
                System.out.println("{\"event\":\"cut\"}");
                isCut = true;
            }

            @Override
            public void close() {
                System.out.println("{\"event\":\"closed\"}");
                if (hangs) {
                    park();
                }
            }
        };
    }

    private static void park() {
        try {
            new CountDownLatch(1).await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
