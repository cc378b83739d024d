package io.plumbline.benchmarks.jmh;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.openjdk.jmh.runner.NoBenchmarksException;
import org.openjdk.jmh.runner.ProfilersFailedException;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;

/** {@code plumbline jmh [JMH OPTIONS]}: the suites, with all that JMH's own command line takes. */
public final class Jmh {
    private Jmh() {}

    public static void main(String[] arguments) throws Exception {
        try {
            CommandLineOptions options = new CommandLineOptions(withProfiler(arguments, System.getenv()));
            Runner runner = new Runner(options);
            if (options.shouldHelp()) {
                options.showHelp();
            } else if (options.shouldList()) {
                runner.list();
            } else if (options.shouldListWithParams()) {
                runner.listWithParams(options);
            } else if (options.shouldListProfilers()) {
                options.listProfilers();
            } else if (options.shouldListResultFormats()) {
                options.listResultFormats();
            } else if (runner.run().isEmpty()) {
                fail("Nothing was measured. Look above for the reason.");
            }
        } catch (CommandLineOptionException e) {
            fail(e.getMessage() + " See ./plumbline jmh -h.");
        } catch (NoBenchmarksException e) {
            fail("No suite is called so. ./plumbline jmh -l lists them.");
        } catch (ProfilersFailedException e) {
            fail("A profiler cannot run here: " + e.getMessage());
        } catch (RunnerException e) {
            fail("JMH could not run: " + e.getMessage());
        }
    }

    private static void fail(String why) {
        System.err.println("plumbline jmh: " + why);
        System.exit(1);
    }

    /** async-profiler where there is one, and the JDK's flight recorder in its place otherwise. */
    static String[] withProfiler(String[] arguments, Map<String, String> environment) {
        List<String> words = new ArrayList<>(List.of(arguments));
        int at = words.indexOf("-prof") + 1;
        if (at > 0 && at < words.size() && words.get(at).equals("async")) {
            String library = environment.get("ASYNC_PROFILER");
            if (library != null) {
                words.set(at, "async:libPath=" + library + ";output=flamegraph");
            } else {
                System.err.println("plumbline jmh: ASYNC_PROFILER names no libasyncProfiler.so; the flight recorder"
                        + " profiles in its place.");
                words.set(at, "jfr");
            }
        }
        return words.toArray(String[]::new);
    }
}
