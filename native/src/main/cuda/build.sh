#!/bin/sh
# Builds the CUDA kernels into one fatbin: build.sh OUTPUT_FOLDER. Without nvcc it builds nothing and says so; CPU paths need none of it.
# Code for each architecture, and PTX of the oldest for those that will come; all from that PTX, for no kernel needs more, and the build takes
# a sixth of the time. Nothing is contracted, flushed or approximated.
set -e
here=$(cd "$(dirname "$0")" && pwd)
nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
if [ ! -x "$nvcc" ]; then
    echo "native: no nvcc: the CUDA kernels are left out. Install the CUDA toolkit 13.0, or name its compiler with NVCC=."
    exit 0
fi
target="$1/io/plumbline/native/cuda"
if [ -e "$target/plumbline.fatbin" ] && [ -z "$(find "$here" -newer "$target/plumbline.fatbin" -print -quit)" ]; then
    exit 0
fi
mkdir -p "$target"
"$nvcc" -std=c++17 -O3 -fmad=false -ftz=false -prec-div=true -prec-sqrt=true --threads 0 \
    -gencode "arch=compute_80,code=[compute_80,sm_80,sm_86,sm_89,sm_90,sm_100,sm_120]" \
    -fatbin -o "$target/plumbline.fatbin.partial" "$here/kernels.cu"
mv "$target/plumbline.fatbin.partial" "$target/plumbline.fatbin"
