#!/bin/sh
# Compiles the CUDA kernels for the CPU, with the emulator: build.sh OUTPUT_FOLDER. Builds nothing, and says so, where it cannot.
set -e
here=$(cd "$(dirname "$0")" && pwd)
cxx=${CXX:-c++}
if ! command -v "$cxx" >/dev/null 2>&1 || [ "$(uname -m)" != x86_64 ]; then
    echo "native: no C++ compiler, or not x86-64: the CUDA kernels' host tests will be skipped."
    exit 0
fi
mkdir -p "$1/io/plumbline/native"
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
flags="-std=c++20 -O2 -fPIC -ffp-contract=off -fvisibility=hidden -Wall -Wno-unused-variable -Wno-unknown-pragmas"
"$cxx" $flags -c "$here/emulator.cpp" -o "$objects/emulator.o"
for source in "$here/../../main/cuda/kernels.cu" "$here/broken.cu"; do
    "$cxx" $flags -x c++ -include "$here/emulator.h" -c "$source" -o "$objects/$(basename "$source").o"
done
"$cxx" -shared -o "$1/io/plumbline/native/libemulated.so" "$objects"/*.o
