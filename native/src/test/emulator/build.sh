#!/bin/sh
# Builds the emulated GPU: the CUDA kernels compiled for the CPU behind a libcuda.so.1.
# build.sh OUTPUT_FOLDER. Builds nothing, and says so, where it cannot.
set -e
here=$(cd "$(dirname "$0")" && pwd)
cxx=${CXX:-c++}
if ! command -v "$cxx" >/dev/null 2>&1 || [ "$(uname -sm)" != "Linux x86_64" ]; then
    echo "native: no C++ compiler, or not Linux on x86-64: the CUDA backend's host tests will be skipped."
    exit 0
fi
target="$1/io/plumbline/native"
if [ -e "$target/libcuda.so.1" ] && [ -z "$(find "$here" "$here/../../main/cuda" -newer "$target/libcuda.so.1" -print -quit)" ]; then
    exit 0
fi
mkdir -p "$target"
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
flags="-std=c++20 -O3 -fPIC -ffp-contract=off -fvisibility=hidden -Wall -Wno-unused-variable -Wno-unknown-pragmas"
for source in "$here/emulator.cpp" "$here/driver.cpp"; do
    "$cxx" $flags -c "$source" -o "$objects/$(basename "$source").o"
done
for source in "$here/../../main/cuda/kernels.cu" "$here/../../main/cuda/hopper.cu" "$here/broken.cu" "$here/quotients.cu"; do
    "$cxx" $flags -fsanitize=alignment -x c++ -include "$here/emulator.h" -c "$source" -o "$objects/$(basename "$source").o"
done
"$cxx" -shared -Wl,-soname,libcuda.so.1 -o "$target/libcuda.so.1" "$objects"/*.o
