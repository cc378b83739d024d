#!/usr/bin/env bash
# Checks this project on a GPU: every kernel test and the golden trace roots on the device, whole models bit for bit against processors,
# compute-sanitizer, and the speed table beside compiled PyTorch.
#
#   ./plumbline gpu-check                              on a GPU host that can build: does all of it
#   ./plumbline gpu-check pack                         on any host: packs target/gpu-check, runtime and jars, to carry to one that cannot
#   bash hardware-profiles/gpu-check.sh run [PART...]  on that host, in a copy of this repository with target/gpu-check in it; it needs
#                                                      nvcc and, for the peer, a python3 with PyTorch. Parts: build tests sanitizer
#                                                      tensorrt speed
#
# RESULTS=DIR takes logs and results (benchmarks/results unless named); SIZE=1.1b measures a smaller model; PYTHON=none goes without the peer;
# TENSORRT=DIR is the folder of libnvinfer.so.10 where the loader does not find it.
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
pack="$home/hardware-profiles/target/gpu-check"
version=0.1.0-SNAPSHOT

die() {
    echo "gpu-check: $*" >&2
    exit 1
}

# ONNX Runtime without its libraries for other systems, which are most of it.
slim() {
    local unpacked
    unpacked=$(mktemp -d)
    (cd "$unpacked" && "$JAVA_HOME/bin/jar" xf "$1" && rm -rf ai/onnxruntime/native/{osx,win,linux-aarch64}* &&
        "$JAVA_HOME/bin/jar" cf "$2/$(basename "$1")" .)
    rm -rf "$unpacked"
}

pack() {
    [ -x "${JAVA_HOME:-}/bin/jlink" ] || die "run it as ./plumbline gpu-check pack: that finds the JDK."
    local partial="$pack.partial" jar version_of_junit
    rm -rf "$partial" "$pack"
    mkdir -p "$partial/lib"
    echo "gpu-check: linking a Java runtime ..."
    "$JAVA_HOME/bin/jlink" --compress zip-0 --strip-debug --no-header-files --no-man-pages --output "$partial/runtime" --add-modules \
        java.base,java.compiler,java.instrument,java.logging,java.management,java.naming,java.sql,jdk.incubator.vector,jdk.management,jdk.unsupported,jdk.zipfs
    # Uncompressed modules in one archive come out smallest.
    (cd "$partial" && tar cJf runtime.tar.xz runtime && rm -r runtime)
    version_of_junit=$(sed -n 's:.*<junit.version>\(.*\)</junit.version>.*:\1:p' "$home/pom.xml")
    (cd "$home" && mvn --batch-mode -q dependency:copy -DoutputDirectory="$partial/lib" \
        -Dartifact="org.junit.platform:junit-platform-console-standalone:$version_of_junit") || die "Maven could not fetch JUnit's console launcher."
    for jar in "$home"/benchmarks/target/benchmarks-$version.jar "$home"/benchmarks/target/lib/*.jar \
        "$home"/{inference-core,hardware-profiles}/target/*-$version-tests.jar; do
        # Text is not needed to measure tokens, and its library is the largest; nor are microbenchmarks.
        case $jar in
            */tokenizers-*.jar | */jna-*.jar | */jmh-*.jar | */commons-math3-*.jar) ;;
            */onnxruntime-*.jar) slim "$jar" "$partial/lib" ;;
            *) cp "$jar" "$partial/lib/" ;;
        esac
    done
    (cd "$home" && git rev-parse --short=12 HEAD 2>/dev/null || echo unknown) >"$partial/commit"
    mv "$partial" "$pack"
    echo "gpu-check: packed $(du -sh "$pack" | cut -f1) into $pack"
}

# The kernels built here stand before those that were packed.
java=("$pack/runtime/bin/java" --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED
    --add-exports java.base/jdk.internal.misc=ALL-UNNAMED -Xlog:disable -Xlog:all=off -Dorg.slf4j.simpleLogger.defaultLogLevel=error
    -cp "$pack/built:$pack/lib/*")
junit=(-Xmx8g -Dplumbline.gpu=real org.junit.platform.console.ConsoleLauncher execute
    --disable-banner --disable-ansi-colors --fail-if-no-tests)

build() {
    command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || true
    mkdir -p "$pack/built"
    sh "$home/native/src/main/cuda/build.sh" "$pack/built"
    echo "gpu-check: $(ls "$pack/built/io/plumbline/native/cuda" 2>/dev/null || echo "no kernels were built here: the packed ones run")"
}

tests() {
    (cd "$home/hardware-profiles" && "${java[@]}" "${junit[@]}" --details=tree --select-package=io.plumbline.hardware) 2>&1 | tee "$results/gpu-tests.log" || die "tests failed; see $results/gpu-tests.log"
}

# Every kernel under memcheck, and those with shared memory under racecheck. Java's own signals are not errors.
sanitizer() {
    command -v compute-sanitizer >/dev/null || die "compute-sanitizer is not installed; it comes with the CUDA toolkit."
    local tool
    for tool in memcheck racecheck; do
        (cd "$home/hardware-profiles" && compute-sanitizer --tool "$tool" --error-exitcode 9 --target-processes all --launch-timeout 120 \
            "${java[@]}" "${junit[@]}" --details=summary \
            --select-class=io.plumbline.hardware.cuda.CudaKernelsTest 2>&1) | tee "$results/gpu-$tool.log" || die "$tool found faults."
        grep -q 'ERROR SUMMARY: 0 errors\|RACECHECK SUMMARY: 0 hazards' "$results/gpu-$tool.log" || die "$tool found faults."
    done
}

# ONNX models on TensorRT against ONNX Runtime: engines built and taken from the cache, every precision, plain runs and graphs.
tensorrt() {
    local log="$results/gpu-tensorrt.log" where=()
    [ -z "${TENSORRT:-}" ] || where=("-Dplumbline.tensorrt=$TENSORRT")
    (cd "$home/hardware-profiles" && LD_LIBRARY_PATH="${TENSORRT:-}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "${java[@]}" "${where[@]}" "${junit[@]}" \
        --details=tree --select-class=io.plumbline.hardware.tensorrt.TensorRtTest) 2>&1 | tee "$log" || die "TensorRT tests failed; see $log"
    if grep -q 'Assumption failed: \(TensorRT\|JavaCPP\|this build\)' "$log"; then
        echo "gpu-check: NOT RUN here: building and running engines, graphs, pinned memory. $(sed -n 's/.*Assumption failed: //p' "$log" | head -1)"
    fi
}

speed() {
    (cd "$home" && PLUMBLINE_COMMIT=$(cat "$pack/commit") "${java[@]}" -Xmx24g -XX:+UseParallelGC io.plumbline.benchmarks.Main gpu \
        --size "${SIZE:-8b}" --results "$results" --python "${PYTHON:-python3}" ${CACHE:+--cache "$CACHE"} 2>&1) | tee "$results/gpu-speed.log"
}

case ${1:-} in
    pack) pack ;;
    run)
        shift
        [ -d "$pack" ] || die "$pack is missing: make it by ./plumbline gpu-check pack and carry it here."
        [ -d "$pack/runtime" ] || (cd "$pack" && tar xJf runtime.tar.xz)
        results=$(mkdir -p "${RESULTS:-$home/benchmarks/results}" && cd "${RESULTS:-$home/benchmarks/results}" && pwd)
        [ $# -gt 0 ] || set -- build tests sanitizer tensorrt speed
        for part in "$@"; do
            case $part in
                build | tests | sanitizer | tensorrt | speed) "$part" ;;
                *) die "there is no part \"$part\"; build, tests, sanitizer, tensorrt and speed are." ;;
            esac
        done
        ;;
    *) die "say pack or run; the head of this file says more." ;;
esac
