package io.plumbline.gpu.tensorrt;

import static org.bytedeco.tensorrt.global.nvinfer.getInferLibVersion;

import io.plumbline.gpu.cuda.CudaAccelerator;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;

/**
 * Whether TensorRT is on this host, and which. The cheapest question first: the library is asked for its version
 * before any binding is loaded, because bindings of another major would take the process down with them.
 */
final class TensorRt {
    /** What the bindings were made for. */
    static final int MAJOR = 10;

    /**
     * The first minor version that shares one memory between contexts: an older library has no such functions to
     * call.
     */
    private static final int LEAST_MINOR = 1;

    /** Where an operator's TensorRT lies, if not where the loader looks. */
    private static final String FOLDER = "plumbline.tensorrt";

    private static final long LEAST_ADDRESS = 1 << 16;

    private static String absence;
    private static boolean isDecided;

    private TensorRt() {}

    /** Why it cannot be used here and what to do, or null. Decided once. */
    static synchronized String absence() {
        if (!isDecided) {
            String folder = System.getProperty(FOLDER);
            absence = look(folder == null ? null : Path.of(folder));
            isDecided = true;
        }
        return absence;
    }

    private static String look(Path folder) {
        String why = library(folder);
        if (why != null) {
            return why;
        }
        if (new CudaAccelerator().find().devices().isEmpty()) {
            return "TensorRT is here, and no GPU: "
                    + new CudaAccelerator().find().why() + ".";
        }
        return bind();
    }

    /**
     * Loads the bindings, without those that JavaCPP would load before them: cuBLAS, cuDNN and NVRTC are 1.5 GB that
     * TensorRT 10 does not need and a host of a driver and TensorRT does not have. From then on JavaCPP loads nothing
     * by itself; CUDA's own bindings are there already.
     */
    @SuppressWarnings("restricted")
    static String bind() {
        try {
            Loader.load(org.bytedeco.cuda.global.cudart.class);
            System.setProperty("org.bytedeco.javacpp.loadlibraries", "false");
            for (String name : List.of("libjninvinfer.so", "libjninvonnxparser.so")) {
                String resource = "/org/bytedeco/tensorrt/" + Loader.getPlatform() + "/" + name;
                File library = Loader.cacheResource(TensorRt.class, resource);
                if (library == null) {
                    return "this build has no TensorRT bindings for " + Loader.getPlatform() + ".";
                }
                System.load(library.getPath());
            }
            return getInferLibVersion() / 10_000 == MAJOR ? null : "TensorRT changed while it was looked for.";
        } catch (IOException e) {
            return "JavaCPP's TensorRT bindings cannot be unpacked: " + e.getMessage();
        } catch (LinkageError e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            return "JavaCPP's TensorRT bindings cannot be loaded: " + cause.getMessage();
        }
    }

    /** What is wrong with this host's libraries, or null. */
    @SuppressWarnings("restricted")
    static String library(Path folder) {
        try {
            SymbolLookup inference = open(folder, "libnvinfer.so." + MAJOR);
            int version = version(inference);
            if (version / 10_000 != MAJOR || version / 100 % 100 < LEAST_MINOR) {
                return wrong(version);
            }
            open(folder, "libnvonnxparser.so." + MAJOR);
            return null;
        } catch (IllegalCallerException e) {
            return "Java may not call native code here; start it with --enable-native-access=ALL-UNNAMED.";
        } catch (IllegalArgumentException e) {
            return other(folder, e.getMessage());
        }
    }

    private static String other(Path folder, String missing) {
        for (String name : List.of("libnvinfer.so", "libnvinfer.so.11", "libnvinfer.so.9", "libnvinfer.so.8")) {
            try {
                int version = version(open(folder, name));
                if (version / 10_000 != MAJOR) {
                    return wrong(version);
                }
            } catch (IllegalArgumentException e) {
                // The next one.
            }
        }
        return "TensorRT " + MAJOR + " is not on this host (" + missing
                + "). Install it from NVIDIA's repository (apt install"
                + " libnvinfer10 libnvonnxparsers10), or name its folder with -D" + FOLDER + "=DIR.";
    }

    private static String wrong(int version) {
        // Up to version 9 a minor version has two digits less.
        boolean isOld = version < 100_000;
        int major = isOld ? version / 1000 : version / 10_000;
        int minor = isOld ? version / 100 % 10 : version / 100 % 100;
        return "TensorRT " + major + "." + minor + "." + version % 100
                + " is on this host, and this program is made for " + MAJOR
                + "." + LEAST_MINOR + " or a later " + MAJOR + ".x. Install "
                + (major == MAJOR ? "a newer libnvinfer10." : "libnvinfer10 beside it; both can be there.");
    }

    @SuppressWarnings("restricted")
    private static SymbolLookup open(Path folder, String name) {
        if (folder == null) {
            return SymbolLookup.libraryLookup(name, Arena.global());
        }
        Path file = folder.resolve(name);
        if (!Files.exists(file)) {
            throw new IllegalArgumentException(file + " does not exist");
        }
        return SymbolLookup.libraryLookup(file, Arena.global());
    }

    @SuppressWarnings("restricted")
    private static int version(SymbolLookup library) {
        var symbol = library.find("getInferLibVersion")
                .orElseThrow(() -> new IllegalArgumentException("libnvinfer does not tell its version"));
        try {
            return (int) Linker.nativeLinker()
                    .downcallHandle(symbol, FunctionDescriptor.of(ValueLayout.JAVA_INT))
                    .invokeExact();
        } catch (Throwable e) {
            throw new IllegalStateException("libnvinfer cannot be asked for its version.", e);
        }
    }

    /**
     * Whether an object was made: where TensorRT gives none, a base class's pointer comes as a small number in place
     * of null.
     */
    static boolean isThere(Pointer object) {
        return object != null && object.address() >= LEAST_ADDRESS;
    }

    /** The version that is loaded, as "10.15.1". */
    static String version() {
        int version = getInferLibVersion();
        return version / 10_000 + "." + version / 100 % 100 + "." + version % 100;
    }
}
