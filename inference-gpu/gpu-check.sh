#!/usr/bin/env bash
# Checks this project on a GPU: every kernel test and the golden trace roots on the device, whole models bit for bit against processors, the
# speed table beside compiled PyTorch, TensorRT, compute-sanitizer. A part that fails does not keep the others from running; verdict.md has a line
# for every part and target, and the exit status is 0 only where everything asked for was run and passed.
#
#   ./plumbline gpu-check                                       on a GPU host that can build: does all of it
#   ./plumbline gpu-check pack                                  on any host: packs target/gpu-check, runtime and jars, to carry to one that cannot
#   bash inference-gpu/gpu-check.sh run [--quick] [PART...] on that host, in a copy of this repository with target/gpu-check in it. Parts:
#                                                               build tests speed tensorrt sanitizer; --quick: tests and the speed of eight
#                                                               layers, in five minutes
#   bash inference-gpu/gpu-check.sh preflight               only says what such a host has and what it lacks
#
# build needs nvcc 13.0, the peer of speed a python3 with PyTorch, sanitizer compute-sanitizer, tensorrt libnvinfer.so.10: without, those parts are
# NOT RUN and the verdict says so. RESULTS=DIR (benchmarks/results unless named) takes verdict.md, gpu-check.log, gpu-targets.tsv, gpu-kernels.tsv,
# gpu-speed.json, and the headlines of a whole run; SIZE=1.1b measures a smaller model; SPEED_SECONDS ends the peer earlier than after 40 minutes;
# PYTHON=none goes without it; TENSORRT=DIR is the folder of libnvinfer.so.10 where the loader does not find it; CACHE=DIR takes the models.
set -uo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
pack="$home/inference-gpu/target/gpu-check"
version=0.1.0-SNAPSHOT
most_bytes=48000000
# Seconds that --quick has for everything, of the five minutes that it promises.
quick_seconds=290
started=$SECONDS

die() {
    echo "gpu-check: $*" >&2
    exit 1
}

say() {
    printf 'gpu-check: %3d s: %s\n' $((SECONDS - started)) "$*"
}

# ---- packing

# What the ledger, the network and microbenchmarks need, and no test or measurement on a GPU. The check before packing finds what is missing.
left_out() {
    case $1 in
        grpc-*.jar | perfmark-*.jar | annotations-*.jar | animal-sniffer-*.jar | jsr305-*.jar) ;;
        failureaccess-*.jar | listenablefuture-*.jar | j2objc-*.jar | rocksdbjni-*.jar | aeron-*.jar) ;;
        HdrHistogram-*.jar | bcpkix-*.jar | bcutil-*.jar | jetty-*.jar) ;;
        ledger-*.jar | node-*.jar | data-*.jar | client-*.jar | jtokkit-*.jar | micrometer-*.jar | prometheus-*.jar) ;;
        jna-*.jar | commons-*.jar | guava-*.jar | jmh-*.jar | jopt-simple-*.jar | error_prone_*.jar) ;;
        *) return 1 ;;
    esac
}

# A jar without what other systems need, and not compressed, for the archive compresses better: slim JAR FOLDER [PATTERN ...], of find's -path.
slim() {
    local unpacked from=$1 to=$2 pattern
    shift 2
    unpacked=$(mktemp -d)
    (cd "$unpacked" && "$JAVA_HOME/bin/jar" --extract --file "$from" &&
        for pattern in "$@"; do find . -path "./$pattern" -type f -delete; done &&
        "$JAVA_HOME/bin/jar" --create --no-compress --no-manifest --file "$to/$(basename "$from")" .)
    pattern=$?
    rm -rf "$unpacked"
    [ $pattern -eq 0 ] || die "$from could not be made smaller."
}

pack() {
    [ -n "${JAVA_HOME:-}" ] && [ -x "$JAVA_HOME/bin/jlink" ] || die "run it as ./plumbline gpu-check pack: that finds the JDK."
    local partial="$pack.partial" jar version_of_junit console bytes
    rm -rf "$partial" "$pack"
    mkdir -p "$pack/lib" "$partial"
    say "copying jars ..."
    version_of_junit=$(sed -n 's:.*<junit.platform.version>\(.*\)</junit.platform.version>.*:\1:p' "$home/pom.xml")
    console="org/junit/platform/junit-platform-console-standalone/$version_of_junit/junit-platform-console-standalone-$version_of_junit.jar"
    if [ -e "$HOME/.m2/repository/$console" ]; then
        cp "$HOME/.m2/repository/$console" "$pack/lib/"
    else
        (cd "$home" && mvn --batch-mode -q dependency:copy -DoutputDirectory="$pack/lib" \
            -Dartifact="org.junit.platform:junit-platform-console-standalone:$version_of_junit") ||
            die "Maven could not fetch JUnit's console launcher, version $version_of_junit."
    fi
    for jar in "$home"/benchmarks/target/benchmarks-$version.jar "$home"/benchmarks/target/lib/*.jar \
        "$home"/{inference-core,hardware-profiles,inference-gpu}/target/*-$version-tests.jar; do
        [ -e "$jar" ] || die "$jar is missing: run it as ./plumbline gpu-check pack, which builds it."
        case $jar in
            */onnxruntime-*.jar) slim "$jar" "$pack/lib" 'ai/onnxruntime/native/osx*' 'ai/onnxruntime/native/win*' 'ai/onnxruntime/native/*aarch64*' ;;
            */tokenizers-*.jar) slim "$jar" "$pack/lib" 'native/lib/osx*' 'native/lib/win*' 'native/lib/*aarch64*' ;;
            */protobuf-java-*.jar) slim "$jar" "$pack/lib" 'google/*' 'META-INF/*' ;;
            # For Ed25519 alone.
            */bcprov-*.jar) slim "$jar" "$pack/lib" 'META-INF/*' 'org/bouncycastle/pqc/*' 'org/bouncycastle/jc*' ;;
            # The driver's functions are in libjnicudart; NCCL's and NVML's are kept for what is to come.
            */cuda-*-linux-x86_64.jar) slim "$jar" "$pack/lib" '*/libjnicu[bfps]*.so' '*/libjnicud[n]*.so' '*/libjnicu[r]and*.so' \
                '*/libjninpp*.so' '*/libjninvblas*.so' '*/libjninvcomp*.so' '*/libjninvjpeg*.so' '*/libjninvrtc*.so' ;;
            *) left_out "$(basename "$jar")" || cp "$jar" "$pack/lib/" ;;
        esac
    done
    say "linking a Java runtime ..."
    "$JAVA_HOME/bin/jlink" --compress zip-0 --strip-debug --no-header-files --no-man-pages --output "$pack/runtime" --add-modules \
        java.base,java.compiler,java.instrument,java.logging,java.management,java.naming,java.sql,jdk.incubator.vector,jdk.management,jdk.unsupported,jdk.zipfs 2>/dev/null ||
        die "jlink failed."
    say "starting what will be packed ..."
    sh "$home/native/src/test/emulator/build.sh" "$home/native/target/test-classes" || die "the emulated GPU cannot be built."
    proves_itself
    say "compressing it ..."
    (cd "$pack" && tar cf - runtime lib | xz -T0 "-${XZ_LEVEL:-6}" >"$partial/pack.tar.xz") || die "xz failed."
    (cd "$home" && git rev-parse --short=12 HEAD 2>/dev/null || echo unknown) >"$partial/commit"
    bytes=$(du -sb --apparent-size "$partial" | cut -f1)
    if [ "$bytes" -gt "$most_bytes" ]; then
        du -ab "$pack" | sort -rn | sed -n 2,20p >&2
        rm -rf "$partial" "$pack"
        die "the pack has $bytes bytes, $most_bytes are allowed: leave out what a GPU host does not need (left_out in this script)."
    fi
    rm -rf "$pack"
    mv "$partial" "$pack"
    say "packed $bytes bytes, of $most_bytes at most, into $pack"
}

# Whether nvcc was there when the jars were built.
has_kernels() {
    grep -q cuda/plumbline.fatbin "$pack"/lib/native-*.jar
}

# The packed runtime with the packed jars finds GPUs, or says in one line why there are none; and where this host can build the emulated GPU, it
# answers and is measured on that one.
proves_itself() {
    local said emulator="$home/native/target/test-classes/io/plumbline/native" scratch
    said=$("${java[@]}" io.plumbline.benchmarks.Main gpu --find 2>&1)
    case $said in
        *"no NVIDIA driver on this host"* | *", CUDA"* | *"CUDA: "*) say "  found: $(tail -n 1 <<<"$said")" ;;
        *) die "the packed runtime does not come as far as looking for GPUs: $said" ;;
    esac
    if grep -q 'NoClassDefFoundError\|ClassNotFoundException' <<<"$said"; then
        die "a jar that is needed was left out: $said"
    fi
    if ! has_kernels; then
        say "  the pack has no kernels, because this host has no nvcc: the GPU host must have nvcc 13.0, and run the part build first"
        return
    fi
    if [ ! -e "$emulator/libcuda.so.1" ]; then
        say "  no answer was tried: this host does not build the emulated GPU"
        return
    fi
    scratch=$(mktemp -d)
    said=$(cd "$home" && LD_LIBRARY_PATH="$emulator" "${java[@]}" io.plumbline.benchmarks.Main gpu --size 1m --python none --rounds 1 --output 2 \
        --batches 1 --prompts 20 --results "$scratch" --cache "$scratch" 2>&1)
    if ! grep -q 'PASS\|FAIL' "$scratch/gpu-targets.tsv" 2>/dev/null; then
        rm -rf "$scratch"
        die "the packed runtime does not measure the emulated GPU: $said"
    fi
    said=$(cd "$home/inference-gpu" && LD_LIBRARY_PATH="$emulator" "${java[@]}" "${junit[@]}" --details=summary \
        --select-method='io.plumbline.gpu.cuda.DevicePassTest#theShippedModelHasItsGoldenTraceRoots' \
        --select-method='io.plumbline.gpu.cuda.DevicePassTest#anAnswerIsAuditedInFull' \
        --select-method='io.plumbline.gpu.tensorrt.TensorRtTest#itIsFoundAsAPlugInAndSaysWhyItCannotServe' 2>&1)
    rm -rf "$scratch"
    grep -q ' 3 tests successful' <<<"$said" || die "the packed tests do not run on the emulated GPU: $said"
    say "  it answers, is audited and is measured on the emulated GPU"
}

# The kernels built on the GPU host stand before those that were packed.
java=("$pack/runtime/bin/java" --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED
    --add-exports java.base/jdk.internal.misc=ALL-UNNAMED -Xlog:disable -Xlog:all=off -Dorg.slf4j.simpleLogger.defaultLogLevel=error
    -cp "$pack/built:$pack/lib/*")
junit=(-Xmx8g -Dplumbline.gpu=real org.junit.platform.console.ConsoleLauncher execute
    --disable-banner --disable-ansi-colors --fail-if-no-tests)

# ---- what the host has

smi() {
    command -v nvidia-smi >/dev/null && timeout 30 nvidia-smi "--query-gpu=$1" --format=csv,noheader -i "${CUDA_VISIBLE_DEVICES:-0}" 2>/dev/null | head -n 1
}

state_fields=(name driver_version pci.bus_id compute_mode persistence_mode mig.mode.current ecc.mode.current
    ecc.errors.uncorrected.volatile.total clocks.sm clocks.max.sm clocks.mem clocks.max.mem power.draw power.limit
    power.default_limit clocks_event_reasons.active clocks_throttle_reasons.active temperature.gpu memory.used memory.total)

# One line a field. A driver that does not know one field refuses the whole list; then each is asked for by itself, which takes longer.
gpu_state() {
    local field value values=() i
    IFS=, eval 'value=$(smi "${state_fields[*]}")'
    mapfile -t values < <(sed 's/, /\n/g' <<<"$value")
    if [ ${#values[@]} -ne ${#state_fields[@]} ]; then
        values=()
        for field in "${state_fields[@]}"; do
            values+=("$(smi "$field")")
            # Where there is no nvidia-smi, or it hangs, twenty questions would get one answer.
            [ -n "${values[0]}" ] || break
        done
    fi
    for i in "${!state_fields[@]}"; do
        value=${values[i]:-}
        case $value in
            '' | *'not a valid field'* | *'Not Supported'* | *'N/A'*) value='not told' ;;
        esac
        printf '%s\t%s\n' "${state_fields[i]}" "$value"
    done
}

number() {
    grep -o '[0-9]*' <<<"$1" | head -n 1
}

# Each line says one thing that is there or missing, and what to do about it. Sets device, torch.
preflight() {
    local quick=$1 need free cache mode found disk=22 host=24 memory=24000 instead="the kernels in the pack run"
    has_kernels || instead="the pack has no kernels, so that nothing can run without it"
    [ "$quick" = no ] || { disk=8 host=10 memory=9000; }
    found=$(cd "$home" && "${java[@]}" io.plumbline.benchmarks.Main gpu --find 2>&1 | grep -v '^WARNING' | tail -n 1)
    case $found in
        *', CUDA') device=yes && line ok driver "$found" ;;
        *) device=no && line MISSING driver "${found#plumbline bench: }" ;;
    esac
    need=$("${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}" --version 2>/dev/null | sed -n 's/.*release \([0-9.]*\).*/\1/p')
    case $need in
        '') line MISSING nvcc "$instead; install the CUDA toolkit 13.0, or name its compiler with NVCC=, to build them here" ;;
        1[3-9].*) line ok nvcc "$need" ;;
        *) line MISSING nvcc "$need is older than 13.0: $instead" ;;
    esac
    torch=no
    if [ "${PYTHON:-python3}" = none ]; then
        line MISSING torch "PYTHON=none was asked for: the peer is not run"
    elif found=$(timeout 120 "${PYTHON:-python3}" -c 'import torch; assert torch.cuda.is_available(), "PyTorch sees no GPU"; print(torch.__version__)' 2>&1); then
        torch=yes && line ok torch "$(tail -n 1 <<<"$found")"
    else
        line MISSING torch "$(tail -n 1 <<<"$found"); the peer is not run: install PyTorch for CUDA, or name its python with PYTHON="
    fi
    free=$(number "$(smi memory.free)")
    [ -z "$free" ] && line unknown 'GPU memory' "nvidia-smi does not tell" ||
        { [ "$free" -ge "$memory" ] && line ok 'GPU memory' "$free MiB free" ||
            line MISSING 'GPU memory' "$free MiB free, $memory are needed: stop what nvidia-smi lists, or give SIZE=1.1b"; }
    free=$(($(sed -n 's/^MemAvailable: *\([0-9]*\).*/\1/p' /proc/meminfo) >> 20))
    [ "$free" -ge "$host" ] && line ok 'host memory' "$free GiB free" ||
        line MISSING 'host memory' "$free GiB free, $host are needed: give SIZE=1.1b or --quick"
    cache=${CACHE:-/tmp}
    mkdir -p "$cache" 2>/dev/null
    free=$(($(df -Pk "$cache" 2>/dev/null | awk 'NR == 2 { print $4 }') >> 20))
    [ "$free" -ge "$disk" ] && line ok disk "$free GiB free in $cache" ||
        line MISSING disk "$free GiB free in $cache, $disk are needed for the model: name another folder with CACHE="
    mode=$(smi compute_mode)
    case $mode in
        Default) line ok 'compute mode' "$mode" ;;
        '') line unknown 'compute mode' "nvidia-smi does not tell" ;;
        *) line MISSING 'compute mode' "$mode: several processes at once are refused; nvidia-smi -c DEFAULT allows them" ;;
    esac
    command -v compute-sanitizer >/dev/null && line ok compute-sanitizer "$(command -v compute-sanitizer)" ||
        line MISSING compute-sanitizer "it comes with the CUDA toolkit: the part sanitizer is not run"
}

line() {
    printf '%-8s %-18s %s\n' "$1" "$2" "$3" | tee -a "$scratch/preflight.txt"
}

# ---- parts: each writes to $log, leaves `why` as one line, and returns 0 for PASS, 1 for FAIL, 2 for NOT RUN. None ends the script.

# Seconds that a part has: what it would have by itself, or what is left of --quick, at least 10.
time_for() {
    local seconds=$1 left=$((quick_seconds - (SECONDS - started)))
    [ "$quick" = no ] || [ $left -ge "$seconds" ] || seconds=$((left > 10 ? left : 10))
    echo "$seconds"
}

limited() {
    local seconds=$1
    shift
    if command -v timeout >/dev/null; then timeout -k 20 "$seconds" "$@"; else "$@"; fi
}

build() {
    local said status
    mkdir -p "$pack/built"
    said=$(limited "$(time_for 300)" sh "$home/native/src/main/cuda/build.sh" "$pack/built" 2>&1)
    status=$?
    printf '%s\n' "$said" >"$log"
    if [ $status -ne 0 ]; then
        rm -rf "$pack/built"
        why="nvcc failed, the packed kernels run: $(grep -m 1 -i error <<<"$said")"
        return 1
    fi
    if [ ! -e "$pack/built/io/plumbline/native/cuda/plumbline.fatbin" ]; then
        why="no nvcc here: the packed kernels run"
        return 2
    fi
    why="kernels built by this host's nvcc"
}

# What JUnit said of each test as it ended: also where the tests did not come to their end.
counts() {
    local first
    first=$(sed -n 's/^JUnit Jupiter > \(.*\) :: FAILED$/\1/p' "$1" | head -n 1)
    echo "$(grep -c ' :: SUCCESSFUL$' "$1") passed, $(grep -c ' :: FAILED$' "$1") failed${first:+, first $first}, $(grep -c ' :: ABORTED$' "$1") skipped"
}

tests() {
    local choose=() status
    [ "$quick" = no ] || choose=(--exclude-tag=long)
    (cd "$home/inference-gpu" && limited "$(time_for "$([ "$quick" = no ] && echo 900 || echo 120)")" "${java[@]}" "${junit[@]}" --details=testfeed \
        "${choose[@]}" --select-package=io.plumbline.gpu --select-package=io.plumbline.hardware) >"$log" 2>&1
    status=$?
    why="$(counts "$log")$([ $status -lt 124 ] || echo "; ended after its time")"
    [ $status -eq 0 ] || why="$why; see $results/gpu-check.log"
    [ $status -eq 0 ]
}

speed() {
    local python="${PYTHON:-python3}" options=() status seconds
    [ "$torch" = yes ] || python=none
    [ "$quick" = no ] || options+=(--quick)
    [ -z "${SIZE:-}" ] || options+=(--size "$SIZE")
    [ -z "${CACHE:-}" ] || options+=(--cache "$CACHE")
    seconds=$(time_for "${SPEED_SECONDS:-2400}")
    # The measurement ends the peer in time to say what came of it; it is ended itself only where it does not.
    (cd "$home" && PLUMBLINE_COMMIT=$(cat "$pack/commit") limited "$seconds" "${java[@]}" \
        "-Xmx$([ "$quick" = no ] && echo 24g || echo 10g)" -XX:+UseParallelGC io.plumbline.benchmarks.Main gpu --kernels \
        --results "$results" --python "$python" --seconds "$seconds" "${options[@]}" 2>&1) | tee "$log"
    status=${PIPESTATUS[0]}
    why="what is measured stands in the lines below and in $results/gpu-speed.json"
    [ $status -lt 124 ] || why="ended after its time; $why"
    [ $status -eq 0 ] || ! grep -q '^plumbline bench: ' "$log" || why="$(grep '^plumbline bench: ' "$log" | head -n 1 | cut -c 1-300); $why"
    [ $status -eq 0 ]
}

# ONNX models on TensorRT against ONNX Runtime: engines built and taken from the cache, every precision, plain runs and graphs.
tensorrt() {
    local where=() status
    [ -z "${TENSORRT:-}" ] || where=("-Dplumbline.tensorrt=$TENSORRT")
    (cd "$home/inference-gpu" && LD_LIBRARY_PATH="${TENSORRT:-}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" limited "$(time_for 900)" "${java[@]}" \
        "${where[@]}" "${junit[@]}" --details=testfeed --select-class=io.plumbline.gpu.tensorrt.TensorRtTest) >"$log" 2>&1
    status=$?
    why=$(counts "$log")
    if [ $status -eq 0 ] && grep -q 'Assumption failed: \(TensorRT\|JavaCPP\|this build\)' "$log"; then
        why="building and running engines, graphs, pinned memory: $(sed -n 's/.*Assumption failed: //p' "$log" | head -n 1)"
        return 2
    fi
    [ $status -eq 0 ]
}

# Every kernel under memcheck, and those with shared memory under racecheck, but for the long contexts. Java's own signals are not errors.
sanitizer() {
    local tool said bad=0
    if ! command -v compute-sanitizer >/dev/null; then
        why="compute-sanitizer is not installed; it comes with the CUDA toolkit"
        return 2
    fi
    why=
    for tool in memcheck racecheck; do
        said="$scratch/$tool.log"
        (cd "$home/inference-gpu" && limited "$(time_for 900)" compute-sanitizer --tool "$tool" --error-exitcode 9 --target-processes all \
            --launch-timeout 120 "${java[@]}" "${junit[@]}" --details=testfeed --exclude-tag=long \
            --select-class=io.plumbline.gpu.cuda.{CudaKernelsTest,AttentionKernelsTest,ShortAttentionTest}) 2>&1 |
            tee -a "$log" >"$said"
        if [ "${PIPESTATUS[0]}" -eq 0 ] && grep -q 'ERROR SUMMARY: 0 errors\|RACECHECK SUMMARY: 0 hazards' "$said"; then
            why="$why$tool: no faults. "
        else
            bad=1
            why="$why$tool: $(grep 'ERROR SUMMARY\|RACECHECK SUMMARY' "$said" | tail -n 1 | sed 's/^=* *//'), $(counts "$said"); see $results/gpu-check.log. "
        fi
    done
    return $bad
}

# ---- the verdict

# A table of everything: parts in order, then targets; written again after each part, so that what ends this script takes nothing along.
verdict() {
    {
        echo "# gpu-check"
        echo
        echo "Commit $(cat "$pack/commit" 2>/dev/null || echo unknown), $(date -u +%Y-%m-%dT%H:%MZ), $([ "$quick" = no ] && echo "whole" || echo "--quick")."
        echo
        echo "| part | verdict | |"
        echo "| --- | --- | --- |"
        printf '%s\n' "${rows[@]}"
        echo
        echo "| target | verdict | value | spread | wanted | |"
        echo "| --- | --- | --- | --- | --- | --- |"
        if [ -s "$results/gpu-targets.tsv" ] && [ "$speed_ran" = yes ]; then
            awk -F '\t' '{ gsub(/\|/, "/"); printf "| %s | %s | %s | %s | %s | %s |\n", $1, $2, $3, $4, $5, $6 }' "$results/gpu-targets.tsv"
        else
            echo "| speed: decode, prefill, trace, beside PyTorch, peaks | NOT RUN | | | | ${no_speed:-the part speed was not run} |"
        fi
        echo
        echo "## The host"
        echo
        sed 's/^/    /' "$scratch/preflight.txt"
        echo
        echo "| GPU | before | after |"
        echo "| --- | --- | --- |"
        paste "$scratch/before.tsv" "$scratch/after.tsv" 2>/dev/null |
            awk -F '\t' '{ printf "| %s | %s | %s |\n", $1, $2, $4 }'
    } >"$results/verdict.md"
}

run() {
    local part parts=() names=(build tests speed tensorrt sanitizer) status bad=0 begin log why
    quick=no speed_ran=no no_speed= rows=()
    for part in "$@"; do
        case $part in
            --quick) quick=yes ;;
            build | tests | sanitizer | tensorrt | speed) parts+=("$part") ;;
            *) die "there is no part \"$part\"; build, tests, speed, tensorrt and sanitizer are, and --quick." ;;
        esac
    done
    if [ ${#parts[@]} -eq 0 ]; then
        parts=("${names[@]}")
        [ "$quick" = no ] || parts=(tests speed)
        [ "$quick" = no ] || has_kernels || parts=(build tests speed)
    fi
    results=$(mkdir -p "${RESULTS:-$home/benchmarks/results}" && cd "${RESULTS:-$home/benchmarks/results}" && pwd) ||
        die "${RESULTS:-$home/benchmarks/results} cannot be made."
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    rm -f "$results/gpu-targets.tsv" "$results/gpu-check.log"
    # On a host without a GPU one line says so, and the verdict has the rest.
    preflight "$quick" >/dev/null
    [ "$device" = no ] || cat "$scratch/preflight.txt"
    gpu_state >"$scratch/before.tsv"
    cp "$scratch/before.tsv" "$scratch/after.tsv"
    if [ "$device" = no ]; then
        for part in "${parts[@]}"; do
            rows+=("| $part | NOT RUN | no GPU can be used |")
        done
        no_speed="no GPU can be used"
        verdict
        echo "gpu-check: NOT RUN: no GPU can be used here. $(sed -n 's/^MISSING  driver *//p' "$scratch/preflight.txt"). The verdict stands in $results/verdict.md"
        return 2
    fi
    for part in "${parts[@]}"; do
        begin=$SECONDS
        say "$part ..."
        why=
        # By itself while the part runs, so that it is there where the part ends this script.
        log="$results/gpu-$part.log"
        : >"$log"
        "$part"
        status=$?
        { echo "==== $part" && cat "$log"; } >>"$results/gpu-check.log"
        rm -f "$log"
        [ "$part" != speed ] || speed_ran=yes
        case $status in
            0) status=PASS ;;
            2) status='NOT RUN' && bad=1 ;;
            *) status=FAIL && bad=1 ;;
        esac
        rows+=("| $part | $status | ${why//|//} ($((SECONDS - begin)) s) |")
        say "$part: $status: $why"
        gpu_state >"$scratch/after.tsv"
        verdict
    done
    if [ "$speed_ran" = yes ] && grep -q -P '\t(FAIL|NOT RUN)\t' "$results/gpu-targets.tsv" 2>/dev/null; then
        bad=1
    fi
    sed -n '/^| target/,/^$/p' "$results/verdict.md"
    say "the verdict stands in $results/verdict.md"
    return $bad
}

unpack() {
    [ -d "$pack" ] || die "$pack is missing: make it by ./plumbline gpu-check pack and carry it here."
    [ -d "$pack/runtime" ] || (cd "$pack" && tar xJf pack.tar.xz) || die "$pack/pack.tar.xz cannot be unpacked."
}

case ${1:-} in
    pack) pack ;;
    # Of jars, those that are packed: for a test, which sees them before anything is built.
    packed)
        shift
        for jar in "$@"; do left_out "$(basename "$jar")" || echo "$jar"; done
        ;;
    preflight)
        unpack
        scratch=$(mktemp -d)
        preflight no
        rm -rf "$scratch"
        [ "$device" = yes ]
        ;;
    run)
        shift
        unpack
        run "$@"
        ;;
    *) die "say pack, preflight or run; the head of this file says more." ;;
esac
