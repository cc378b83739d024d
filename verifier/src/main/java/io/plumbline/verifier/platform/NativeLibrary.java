package io.plumbline.verifier.platform;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The C kernels of module {@code native}, where they were built for this platform. Looked for once; {@code
 * -Dplumbline.native=false} leaves them out.
 */
@SuppressWarnings("restricted")
public final class NativeLibrary {
    /** Instruction sets that most functions are built for, best first. */
    public static final List<String> VECTORS = List.of("avx512", "avx2", "neon");

    private static final Optional<SymbolLookup> LOOKUP = load();

    private NativeLibrary() {}

    /** Those of {@code forms} that are in the library and that this processor runs, in the same order. */
    public static List<String> available(List<String> forms) {
        List<String> found = new ArrayList<>();
        if (LOOKUP.isPresent()) {
            for (String form : forms) {
                Optional<MemorySegment> has = LOOKUP.get().find("pl_has_" + form);
                if (has.isPresent() && isThere(has.get())) {
                    found.add(form);
                }
            }
        }
        return found;
    }

    private static boolean isThere(MemorySegment symbol) {
        MethodHandle has = Linker.nativeLinker().downcallHandle(symbol, FunctionDescriptor.of(ValueLayout.JAVA_INT));
        try {
            return (int) has.invokeExact() != 0;
        } catch (Throwable e) {
            return false;
        }
    }

    /** A function that may be given heap memory: it is short, never blocks and never calls back. */
    public static MethodHandle function(String name, FunctionDescriptor type) {
        return Linker.nativeLinker()
                .downcallHandle(LOOKUP.orElseThrow().findOrThrow(name), type, Linker.Option.critical(true));
    }

    private static Optional<SymbolLookup> load() {
        String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        String machine = System.getProperty("os.arch");
        String platform = (os.startsWith("mac") ? "darwin" : os) + "-" + (machine.equals("amd64") ? "x86_64" : machine);
        if (!Boolean.parseBoolean(System.getProperty("plumbline.native", "true"))) {
            return Optional.empty();
        }
        try (InputStream in =
                NativeLibrary.class.getResourceAsStream("/io/plumbline/native/" + platform + "/libplumbline.so")) {
            return in == null ? Optional.empty() : Optional.of(load(in));
        } catch (IOException | IllegalArgumentException | IllegalCallerException e) {
            System.getLogger(NativeLibrary.class.getName())
                    .log(System.Logger.Level.WARNING, "The native kernels cannot be loaded; Java ones run: " + e);
            return Optional.empty();
        }
    }

    private static SymbolLookup load(InputStream in) throws IOException {
        Path copy = Files.createTempFile("libplumbline", ".so");
        try {
            Files.copy(in, copy, StandardCopyOption.REPLACE_EXISTING);
            return SymbolLookup.libraryLookup(copy, Arena.global());
        } finally {
            // Once mapped, its name is no longer needed.
            Files.deleteIfExists(copy);
        }
    }
}
