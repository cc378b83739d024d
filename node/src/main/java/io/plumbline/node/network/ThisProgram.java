package io.plumbline.node.network;

import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The program that this process runs, for another process of it. */
public final class ThisProgram {
    /** The entry of every process, which knows this package and is not known by it. */
    private static final String MAIN = "io.plumbline.node.Main";

    private ThisProgram() {}

    /**
     * This process's java with its jar, or with its class path where it runs from classes; arguments follow.
     *
     * @param flags of the virtual machine.
     */
    public static List<String> command(List<String> flags) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(flags);
        String classPath = System.getProperty("java.class.path");
        boolean isJar = classPath.endsWith(".jar") && !classPath.contains(File.pathSeparator);
        command.addAll(isJar ? List.of("-jar", classPath) : List.of("-cp", classPath, MAIN));
        return command;
    }
}
