import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/**
 * Makes a tar.gz and a .deb of each role, with a runtime of the modules that it needs: {@code ./plumbline package}. The
 * same build gives the same bytes: entries are sorted, times are one time, owners are root.
 */
public final class Package {
    private static final String VERSION = "0.1.0";

    /** Of all entries: 2 January 1980, which a zip can say everywhere. */
    private static final long TIME_S = 315_619_200;

    private static final int TAR_BLOCK = 512;

    /** Of gzip: the highest takes four times as long for a hundredth less. */
    private static final int LEVEL = 6;

    private static final List<String> ROLES = List.of("full-node", "inference-node", "data-node", "gateway", "signer");

    /** Jars that a role does not need: an auditor runs ONNX models only where it is asked to, with its own package. */
    private static final Map<String, Set<String>> WITHOUT = Map.of(
            "full-node", Set.of("onnxruntime", "protobuf-java", "commons-compress", "commons-io"),
            "data-node",
                    Set.of(
                            "onnxruntime",
                            "protobuf-java",
                            "commons-compress",
                            "commons-io",
                            "tokenizers",
                            "api",
                            "gson",
                            "jna"),
            "gateway", Set.of("onnxruntime", "commons-compress", "commons-io"),
            "inference-node", Set.of(),
            // What has a key has as little beside it as may be.
            "signer",
                    Set.of(
                            "onnxruntime",
                            "protobuf-java",
                            "commons-compress",
                            "commons-io",
                            "tokenizers",
                            "api",
                            "gson",
                            "jna",
                            "rocksdbjni"));

    private static final String MODULES = "java.base,java.logging,java.management,java.naming,java.net.http,java.xml,"
            + "jdk.httpserver,jdk.incubator.vector,jdk.management,jdk.net,jdk.unsupported";

    /** Shared objects of other systems, which the libraries' jars hold too. */
    private static final List<String> FOREIGN = List.of(
            "osx",
            "darwin",
            "win",
            "aix",
            "sunos",
            "freebsd",
            "openbsd",
            "dragonfly",
            "aarch64",
            "arm",
            "ppc",
            "s390x",
            "riscv",
            "mips",
            "loongarch",
            "linux32",
            "linux-x86/",
            "musl");

    private static final int EXECUTABLE = 0755;
    private static final int READABLE = 0644;

    /** A file of a package. */
    private record Content(byte[] bytes, int mode) {}

    private final Path home;
    private final Path out;

    private Package(Path home, Path out) {
        this.home = home;
        this.out = out;
    }

    /** Arguments: the repository, the folder to write to, and roles; all of them where none is named. */
    public static void main(String[] arguments) throws Exception {
        List<String> roles = List.of(arguments).subList(2, arguments.length);
        for (String role : roles) {
            if (!ROLES.contains(role)) {
                System.err.println("plumbline package: there is no role " + role + "; there are "
                        + String.join(", ", ROLES) + ".");
                System.exit(2);
            }
        }
        Package packages = new Package(Path.of(arguments[0]), Files.createDirectories(Path.of(arguments[1])));
        packages.make(roles.isEmpty() ? ROLES : roles);
    }

    private void make(List<String> roles) throws Exception {
        Path work = Files.createTempDirectory("plumbline-package-");
        try {
            System.err.println("package: linking a runtime ...");
            Path runtime = link(work.resolve("runtime"));
            SortedMap<String, Content> linked = tree(runtime, "runtime/");
            StringBuilder sums = new StringBuilder();
            for (String role : roles) {
                SortedMap<String, Content> files = files(role);
                files.putAll(linked);
                sums.append(write("plumbline-" + role + "-" + VERSION + "-linux-x86_64.tar.gz", tarball(role, files)));
                sums.append(write("plumbline-" + role + "_" + VERSION + "_amd64.deb", deb(role, files)));
            }
            Files.writeString(out.resolve("SHA256SUMS"), sums);
        } finally {
            try (Stream<Path> all = Files.walk(work)) {
                all.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
            }
        }
    }

    /** The modules that roles need, of the JDK that runs this. */
    private static Path link(Path to) throws IOException, InterruptedException {
        Process jlink = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "jlink").toString(),
                        "--add-modules",
                        MODULES,
                        "--no-header-files",
                        "--no-man-pages",
                        "--strip-java-debug-attributes",
                        "--compress",
                        "zip-0",
                        "--output",
                        to.toString())
                .redirectErrorStream(true)
                .start();
        String said = new String(jlink.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (jlink.waitFor() != 0) {
            throw new IOException("jlink cannot make a runtime: " + said.strip());
        }
        return to;
    }

    private static SortedMap<String, Content> tree(Path folder, String prefix) throws IOException {
        SortedMap<String, Content> files = new TreeMap<>();
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path path : (Iterable<Path>) all.filter(Files::isRegularFile)::iterator) {
                String name = prefix + folder.relativize(path).toString();
                int mode = Files.isExecutable(path) ? EXECUTABLE : READABLE;
                files.put(name, new Content(Files.readAllBytes(path), mode));
            }
        }
        return files;
    }

    /** All but the runtime, by their names below the package's folder. */
    private SortedMap<String, Content> files(String role) throws Exception {
        SortedMap<String, Content> files = new TreeMap<>();
        String collector = role.equals("full-node") ? "-XX:+UseG1GC" : "-XX:+UseSerialGC";
        files.put("bin/plumbline", template("plumbline.sh", role, EXECUTABLE, Map.of("@COLLECTOR@", collector)));
        List<Path> jars = new ArrayList<>(List.of(home.resolve("node/target/node-" + VERSION + "-SNAPSHOT.jar")));
        add(jars, home.resolve("node/target/lib"), WITHOUT.get(role));
        if (role.equals("inference-node")) {
            jars.add(home.resolve("inference-gpu/target/inference-gpu-" + VERSION + "-SNAPSHOT.jar"));
            jars.add(home.resolve("hardware-profiles/target/hardware-profiles-" + VERSION + "-SNAPSHOT.jar"));
            add(jars, home.resolve("inference-gpu/target/lib"), Set.of());
        }
        for (Path jar : jars) {
            byte[] bytes = ofThisSystem(jar, role.equals("inference-node"));
            files.put("lib/" + jar.getFileName(), new Content(bytes, READABLE));
        }
        files.put("share/logging.properties", copy("node/src/main/config/logging.properties"));
        files.put("share/LICENSE", copy("LICENSE"));
        files.put("share/sbom.cdx.json", new Content(sbom(role, files).getBytes(StandardCharsets.UTF_8), READABLE));
        return files;
    }

    private static void add(List<Path> jars, Path folder, Set<String> without) throws IOException {
        try (Stream<Path> all = Files.list(folder)) {
            all.filter(jar -> jar.toString().endsWith(".jar"))
                    .filter(jar -> !without.contains(artifact(jar)))
                    .sorted()
                    .forEach(jars::add);
        }
    }

    /** A jar's name without its version. */
    private static String artifact(Path jar) {
        return jar.getFileName().toString().replaceFirst("-\\d.*", "");
    }

    private Content copy(String path) throws IOException {
        return new Content(Files.readAllBytes(home.resolve(path)), READABLE);
    }

    private Content template(String name, String role, int mode, Map<String, String> more) throws IOException {
        String text = Files.readString(home.resolve("ops/package").resolve(name)).replace("@ROLE@", role)
                .replace("@USER@", user(role));
        for (Map.Entry<String, String> one : more.entrySet()) {
            text = text.replace(one.getKey(), one.getValue());
        }
        return new Content(text.getBytes(StandardCharsets.UTF_8), mode);
    }

    /**
     * The same jar in one order, of one time, and without other systems' shared objects.
     *
     * @param hasDevices whether GPUs' kernels are kept.
     */
    private static byte[] ofThisSystem(Path jar, boolean hasDevices) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipFile in = new ZipFile(jar.toFile());
                ZipOutputStream zip = new ZipOutputStream(bytes)) {
            // Stored: the package is compressed as a whole, which makes it smaller than entry by entry.
            zip.setLevel(Deflater.NO_COMPRESSION);
            SortedMap<String, ZipEntry> entries = new TreeMap<>();
            in.stream().filter(entry -> !entry.isDirectory()).forEach(entry -> entries.put(entry.getName(), entry));
            // A reader may look for it first.
            ZipEntry manifest = entries.remove("META-INF/MANIFEST.MF");
            if (manifest != null) {
                copy(in, manifest, zip);
            }
            for (ZipEntry entry : entries.values()) {
                boolean isShared = entry.getName().matches(".*\\.(so|jnilib|dylib|dll|a)|.*\\.dSYM/.*");
                String name = entry.getName().toLowerCase(Locale.ROOT);
                boolean isForeign = isShared && FOREIGN.stream().anyMatch(name::contains);
                if (!isForeign && (hasDevices || !name.startsWith("io/plumbline/native/cuda/"))) {
                    copy(in, entry, zip);
                }
            }
        }
        return bytes.toByteArray();
    }

    private static void copy(ZipFile in, ZipEntry entry, ZipOutputStream zip) throws IOException {
        ZipEntry copy = new ZipEntry(entry.getName());
        copy.setTimeLocal(LocalDateTime.of(1980, 1, 2, 0, 0));
        zip.putNextEntry(copy);
        try (InputStream bytes = in.getInputStream(entry)) {
            bytes.transferTo(zip);
        }
        zip.closeEntry();
    }

    /** CycloneDX 1.6: each jar with its coordinates, where it says them, and the hash of it as it stands here. */
    private static String sbom(String role, SortedMap<String, Content> files) throws Exception {
        List<String> components = new ArrayList<>();
        for (Map.Entry<String, Content> file : files.entrySet()) {
            if (!file.getKey().startsWith("lib/")) {
                continue;
            }
            String name = file.getKey().substring("lib/".length()).replaceFirst("\\.jar$", "");
            String version = name.replaceFirst("^.*?-(\\d.*)$", "$1");
            String group = "";
            try (ZipInputStream in =
                    new ZipInputStream(new ByteArrayInputStream(file.getValue().bytes()))) {
                for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
                    if (entry.getName().matches("META-INF/maven/.*/pom.properties")) {
                        Properties coordinates = new Properties();
                        coordinates.load(in);
                        group = coordinates.getProperty("groupId", "");
                        break;
                    }
                }
            }
            String artifact = name.replaceFirst("-\\d.*", "");
            components.add("    {\"type\": \"library\", \"group\": \"" + group + "\", \"name\": \"" + artifact
                    + "\", \"version\": \"" + version + "\""
                    + (group.isEmpty()
                            ? ""
                            : ", \"purl\": \"pkg:maven/" + group + "/" + artifact + "@" + version + "\"")
                    + ", \"hashes\": [{\"alg\": \"SHA-256\", \"content\": \""
                    + sha256(file.getValue().bytes()) + "\"}]}");
        }
        return "{\n  \"bomFormat\": \"CycloneDX\",\n  \"specVersion\": \"1.6\",\n  \"version\": 1,\n"
                + "  \"metadata\": {\"component\": {\"type\": \"application\", \"name\": \"plumbline-" + role
                + "\", \"version\": \"" + VERSION + "\"}},\n  \"components\": [\n" + String.join(",\n", components)
                + "\n  ]\n}\n";
    }

    /** Files beside the package's folder on a host. */
    private SortedMap<String, Content> onHost(String role) throws IOException {
        SortedMap<String, Content> files = new TreeMap<>();
        String devices = role.equals("inference-node") ? "# GPUs are devices." : "PrivateDevices=yes";
        files.put(
                "usr/lib/systemd/system/plumbline-" + role + ".service",
                template(
                        "plumbline.service",
                        role,
                        READABLE,
                        Map.of("@DEVICES@", devices, "@AFTER@", after(role), "@SOCKET@", socket(role))));
        if (!role.equals("signer")) {
            files.put(
                    "usr/lib/sysctl.d/60-plumbline-" + role + ".conf",
                    template("60-plumbline.conf", role, READABLE, Map.of()));
        }
        files.put("etc/plumbline/" + role + ".toml", new Content(configuration(role), READABLE));
        files.put("usr/share/man/man1/plumbline-" + role + ".1.gz", new Content(gzip(manual(role)), READABLE));
        files.put(
                "usr/share/bash-completion/completions/plumbline-" + role,
                new Content(completion(role).getBytes(StandardCharsets.UTF_8), READABLE));
        return files;
    }

    /** A full node's key must not be readable by the full node where a signer has it. */
    private static String user(String role) {
        return role.equals("signer") ? "plumbline-signer" : "plumbline";
    }

    /** Units that start first where they are on the host too. */
    private static String after(String role) {
        return role.equals("full-node") ? " plumbline-signer.service" : "";
    }

    /** Where a signer's socket is: its full node's user has to get there, and can in no folder of the signer's own. */
    private static String socket(String role) {
        return role.equals("signer")
                ? "RuntimeDirectory=plumbline-signer\nRuntimeDirectoryMode=0755"
                : "# It has no socket of its own.";
    }

    /** Every option of the role, as its command describes them, with the package's own values set. */
    private byte[] configuration(String role) throws IOException {
        Process template = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xlog:disable",
                        "-XX:TieredStopAtLevel=1",
                        "-jar",
                        home.resolve("node/target/node-" + VERSION + "-SNAPSHOT.jar").toString(),
                        "config",
                        "template",
                        role,
                        home.resolve("ops/package/" + role + ".toml").toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        byte[] text = template.getInputStream().readAllBytes();
        if (template.onExit().join().exitValue() != 0) {
            throw new IOException("The configuration file of " + role + " cannot be made.");
        }
        return text;
    }

    private static byte[] manual(String role) {
        return (".TH PLUMBLINE-" + role.toUpperCase(Locale.ROOT).replace("-", "\\-") + " 1 \"\" \"Plumbline "
                        + VERSION + "\"\n.SH NAME\nplumbline-" + role + " \\- a " + role
                        + " of a verifiable inference network\n.SH SYNOPSIS\n.B plumbline-" + role
                        + "\nCOMMAND [OPTIONS]\n.SH DESCRIPTION\nRuns the role, and all commands that come with it:\n"
                        + ".B plumbline-" + role + " --help\nlists them, and --help after one its options.\n"
                        + "The unit plumbline-" + role + ".service runs it with the options in /etc/plumbline/" + role
                        + ".toml.\n.B plumbline-" + role + " config check " + role + " /etc/plumbline/" + role
                        + ".toml\nsays whether that file is right, and\n.B plumbline-" + role
                        + " doctor\nwhether the host is fit.\n.SH FILES\n/etc/plumbline/" + role
                        + ".toml, /var/lib/plumbline/" + role + "\n.SH EXIT STATUS\n"
                        + "0 done, 1 failed, 2 wrong options, "
                        + "10 to 14 a fault after which the role must be started again, "
                        + "15 and 16 one that must be mended first.\n")
                .getBytes(StandardCharsets.UTF_8);
    }

    private static String completion(String role) {
        String function = "_plumbline_" + role.replace('-', '_');
        return "# Commands of plumbline-" + role + ", by its own --help.\n" + function + "() {\n"
                + "    [ \"$COMP_CWORD\" -eq 1 ] || return\n"
                + "    COMPREPLY=($(compgen -W \"$(\"${COMP_WORDS[0]}\" --help 2>/dev/null |"
                + " awk '/^  [a-z]/ {print $1}')\""
                + " -- \"${COMP_WORDS[1]}\"))\n}\ncomplete -o default -F " + function
                + " plumbline-" + role + "\n";
    }

    private byte[] tarball(String role, SortedMap<String, Content> files) throws IOException {
        SortedMap<String, Content> all = new TreeMap<>();
        String folder = "plumbline-" + role + "-" + VERSION + "/";
        files.forEach((name, content) -> all.put(folder + name, content));
        onHost(role).forEach((name, content) -> all.put(folder + "host/" + name, content));
        return gzip(tar(all, Map.of()));
    }

    private byte[] deb(String role, SortedMap<String, Content> files) throws IOException {
        SortedMap<String, Content> data = new TreeMap<>(onHost(role));
        String folder = "opt/plumbline-" + role + "/";
        files.forEach((name, content) -> data.put(folder + name, content));
        long bytes = data.values().stream().mapToLong(content -> content.bytes().length).sum();
        SortedMap<String, Content> control = new TreeMap<>();
        control.put(
                "control",
                new Content(
                        ("Package: plumbline-" + role + "\nVersion: " + VERSION
                                        + "\nArchitecture: amd64\n"
                                        + "Maintainer: Plumbline <maintainers@plumbline.invalid>\n"
                                        + "Installed-Size: " + (bytes >> 10)
                                        + "\nDepends: adduser, libc6 (>= 2.34), libstdc++6, zlib1g\nSection: net\n"
                                        + "Priority: optional\nDescription: Plumbline " + role
                                        + "\n A " + role
                                        + " of a verifiable AI inference network, with its own runtime.\n")
                                .getBytes(StandardCharsets.UTF_8),
                        READABLE));
        control.put(
                "conffiles",
                new Content(("/etc/plumbline/" + role + ".toml\n").getBytes(StandardCharsets.UTF_8), READABLE));
        control.put("postinst", template("postinst", role, EXECUTABLE, Map.of()));
        control.put("prerm", template("prerm", role, EXECUTABLE, Map.of()));
        ByteArrayOutputStream deb = new ByteArrayOutputStream();
        deb.writeBytes("!<arch>\n".getBytes(StandardCharsets.US_ASCII));
        member(deb, "debian-binary", "2.0\n".getBytes(StandardCharsets.UTF_8));
        member(deb, "control.tar.gz", gzip(tar(control, Map.of())));
        Map<String, String> links = Map.of("usr/bin/plumbline-" + role, "/" + folder + "bin/plumbline");
        member(deb, "data.tar.gz", gzip(tar(data, links)));
        return deb.toByteArray();
    }

    /** A member of an ar archive: a header of 60 characters, the bytes, and one more where their number is odd. */
    private static void member(ByteArrayOutputStream ar, String name, byte[] bytes) {
        ar.writeBytes(String.format("%-16s%-12d0     0     100644  %-10d`\n", name, TIME_S, bytes.length)
                .getBytes(StandardCharsets.US_ASCII));
        ar.writeBytes(bytes);
        if (bytes.length % 2 == 1) {
            ar.write('\n');
        }
    }

    /** @param links by their names, to what they name. */
    private static byte[] tar(SortedMap<String, Content> files, Map<String, String> links) {
        ByteArrayOutputStream tar = new ByteArrayOutputStream();
        Set<String> folders = new TreeSet<>();
        Stream.concat(files.keySet().stream(), links.keySet().stream()).forEach(name -> {
            for (int at = name.indexOf('/'); at >= 0; at = name.indexOf('/', at + 1)) {
                folders.add(name.substring(0, at + 1));
            }
        });
        folders.forEach(folder -> header(tar, folder, EXECUTABLE, 0, '5', ""));
        files.forEach((name, content) -> {
            header(tar, name, content.mode(), content.bytes().length, '0', "");
            tar.writeBytes(content.bytes());
            tar.writeBytes(new byte[Math.floorMod(-content.bytes().length, TAR_BLOCK)]);
        });
        links.forEach((name, to) -> header(tar, name, 0777, 0, '2', to));
        tar.writeBytes(new byte[2 * TAR_BLOCK]);
        return tar.toByteArray();
    }

    /** A header of POSIX' ustar: names of more than 100 characters stand in two fields. */
    private static void header(ByteArrayOutputStream tar, String path, int mode, long size, char type, String link) {
        String name = "./" + path;
        String prefix = "";
        if (name.length() > 100) {
            int cut = name.lastIndexOf('/', name.length() - 2);
            prefix = name.substring(0, cut);
            name = name.substring(cut + 1);
        }
        byte[] header = new byte[TAR_BLOCK];
        text(header, 0, 100, name);
        text(header, 100, 8, String.format("%07o", mode));
        text(header, 108, 8, "0000000");
        text(header, 116, 8, "0000000");
        text(header, 124, 12, String.format("%011o", size));
        text(header, 136, 12, String.format("%011o", TIME_S));
        text(header, 148, 8, "        ");
        header[156] = (byte) type;
        text(header, 157, 100, link);
        text(header, 257, 8, "ustar\00000");
        text(header, 265, 32, "root");
        text(header, 297, 32, "root");
        text(header, 345, 155, prefix);
        int sum = 0;
        for (byte one : header) {
            sum += one & 0xFF;
        }
        text(header, 148, 8, String.format("%06o\0 ", sum));
        tar.writeBytes(header);
    }

    private static void text(byte[] header, int at, int most, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > most) {
            throw new IllegalArgumentException("\"" + text + "\" is longer than a tar's field of " + most + " bytes.");
        }
        System.arraycopy(bytes, 0, header, at, bytes.length);
    }

    private static byte[] gzip(byte[] bytes) throws IOException {
        ByteArrayOutputStream zipped = new ByteArrayOutputStream();
        try (OutputStream out = new GZIPOutputStream(zipped) {
            {
                def.setLevel(LEVEL);
            }
        }) {
            out.write(bytes);
        }
        return zipped.toByteArray();
    }

    /** @return its line of SHA256SUMS. */
    private String write(String name, byte[] bytes) throws IOException, GeneralSecurityException {
        Files.write(out.resolve(name), bytes);
        System.err.printf("package: %s, %.1f MB%n", name, bytes.length / 1e6);
        return sha256(bytes) + "  " + name + "\n";
    }

    private static String sha256(byte[] bytes) throws GeneralSecurityException {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }
}
