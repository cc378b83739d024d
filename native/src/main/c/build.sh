#!/bin/sh
# Builds libplumbline for this machine with the platform's compiler: build.sh OUTPUT_FOLDER. Without a compiler, or on a platform it does
# not know, it builds nothing and says so; everything runs without the library, in Java.
set -e
here=$(cd "$(dirname "$0")" && pwd)
out=$1
cc=${CC:-cc}
if ! command -v "$cc" >/dev/null 2>&1; then
    echo "native: no C compiler ($cc): the Java kernels will run. Debian and Ubuntu: apt install gcc; Fedora: dnf install gcc; macOS: xcode-select --install"
    exit 0
fi
os=$(uname -s | tr '[:upper:]' '[:lower:]')
machine=$(uname -m)
case $machine in arm64) machine=aarch64 ;; amd64) machine=x86_64 ;; esac
target="$out/io/plumbline/native/$os-$machine"
flags="-O3 -fPIC -fvisibility=hidden -std=gnu11 -Wall -fno-strict-aliasing"
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
compile() {
    name=$1
    shift
    "$cc" $flags "$@" -c "$here/$name.c" -o "$objects/$name.o"
}
# The contract's float operations are each rounded once, in this order: nothing may be contracted or reordered.
exact="-ffp-contract=off -fno-math-errno -fno-trapping-math"
compile_forms() {
    form=$1
    shift
    "$cc" $flags $exact "$@" "-DFORM=$form" -c "$here/math.c" -o "$objects/math_$form.o"
    "$cc" $flags $exact "$@" "-DFORM=$form" -c "$here/delta.c" -o "$objects/delta_$form.o"
    "$cc" $flags "$@" "-DFORM=$form" -c "$here/ring.c" -o "$objects/ring_$form.o"
    "$cc" $flags "$@" "-DFORM=$form" -c "$here/words.c" -o "$objects/words_$form.o"
}
vnni=
if [ "$machine" = x86_64 ] && "$cc" -mavxvnni -E -x c /dev/null >/dev/null 2>&1; then
    # GCC 11, Clang 12: older ones do not know it.
    vnni=-DHAS_AVXVNNI
fi
amx=
if [ "$machine" = x86_64 ] && "$cc" -mamx-int8 -E -x c /dev/null >/dev/null 2>&1; then
    # GCC 11, Clang 11.
    amx=-DHAS_AMX
fi
compile dispatch $vnni $amx
case $machine in
    x86_64)
        if [ -n "$vnni" ]; then
            "$cc" $flags -mavx2 -mavxvnni -c "$here/avx2.c" -o "$objects/avxvnni.o"
        fi
        if [ -n "$amx" ]; then
            compile amx -mavx512f -mavx512bw -mavx512vl -mavx512vbmi -mamx-tile -mamx-int8
        fi
        compile avx512vnni -mavx512f -mavx512bw -mavx512vl -mavx512vnni
        compile avx2 -mavx2
        compile audit $exact -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma -mprefer-vector-width=512
        compile_forms avx512 -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma -mprefer-vector-width=512
        compile_forms avx2 -mavx2 -mfma
        compile blake3_avx512 -mavx512f -mavx512bw -mavx512vl
        compile blake3_avx2 -mavx2
        ;;
    aarch64)
        compile neon
        compile_forms neon
        compile blake3_neon
        ;;
    *)
        echo "native: no kernels for $machine: the Java kernels will run."
        exit 0
        ;;
esac
mkdir -p "$target"
"$cc" -shared -o "$target/libplumbline.so" "$objects"/*.o -lm
if [ "$os-$machine" = linux-x86_64 ]; then
    # JavaCPP's CUDA bindings want a library of this name, of which we call nothing: see CudaAccelerator.java.
    mkdir -p "$out/io/plumbline/native/cuda"
    "$cc" -shared -Wl,-soname,libcudart.so.13 -x c /dev/null -o "$out/io/plumbline/native/cuda/libcudart.so.13"
fi
