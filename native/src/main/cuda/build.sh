#!/bin/sh
# Builds the CUDA kernels into one fatbin: build.sh OUTPUT_FOLDER. Without nvcc it builds nothing and says so; CPU paths need none of it.
# Code for each architecture, and PTX for those that will come, all from two PTX: kernels of 9.0 and later begin before those before them have ended,
# and two take a third of the time of six. Nothing is contracted, flushed or approximated.
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
listing=$(mktemp -d)
trap 'rm -rf "$listing"' EXIT
"$nvcc" -std=c++17 -O3 -fmad=false -ftz=false -prec-div=true -prec-sqrt=true --threads 0 \
    -gencode "arch=compute_80,code=[sm_80,sm_86,sm_89]" -gencode "arch=compute_90,code=[compute_90,sm_90,sm_100,sm_120]" \
    -fatbin -o "$target/plumbline.fatbin.partial" "$here/kernels.cu"
# For Hopper alone: its own tensor instruction is in no PTX that later cards take.
"$nvcc" -std=c++17 -O3 -fmad=false -ftz=false -prec-div=true -prec-sqrt=true -gencode arch=compute_90a,code=sm_90a \
    -cubin -Xptxas -v -o "$target/hopper.cubin.partial" "$here/hopper.cu" 2>"$listing/hopper"
# Where ptxas finds no room for what products on their way need, it waits for each of them: right, and much slower.
if grep 'Potential Performance Loss' "$listing/hopper" >&2; then
    echo "native: ptxas takes products of the kernel above one by one; give it registers." >&2
    exit 1
fi
mv "$target/hopper.cubin.partial" "$target/hopper.cubin"
# What ptxas says each kernel takes, for a test that compares it with what the sources declare: name, threads a block, bytes of static shared
# memory.
"$nvcc" -std=c++17 -O3 -fmad=false -ftz=false -prec-div=true -prec-sqrt=true -arch=compute_90 -ptx -o "$listing/kernels.ptx" "$here/kernels.cu"
"$nvcc" -std=c++17 -O3 -arch=compute_90a -ptx -o "$listing/hopper.ptx" "$here/hopper.cu"
"$nvcc" -arch=sm_90 -cubin -Xptxas -v -o "$listing/kernels.cubin" "$listing/kernels.ptx" 2>"$listing/said"
cat "$listing/hopper" >>"$listing/said"
cat "$listing/hopper.ptx" >>"$listing/kernels.ptx"
awk '
    FNR == NR { if (/\.entry/) { sub(/\(.*/, ""); name = $NF } if (/\.maxntid/) { gsub(",", ""); threads[name] = $2 } next }
    /Compiling entry function/ { split($0, quoted, "\047"); name = quoted[2] }
    / Used / { shared = match($0, /[0-9]+ bytes smem/) ? substr($0, RSTART) + 0 : 0; print name, threads[name], shared }
' "$listing/kernels.ptx" "$listing/said" | sort >"$target/kernels.txt"
# A kernel that begins before the one before it has ended may read what no kernel writes before it waits, and nothing else.
awk '
    /\.entry/ { sub(/\(.*/, ""); name = $NF; waits = name !~ /^probe_(read|mma)$/ }
    /^\.func/ { waits = 0 }
    /griddepcontrol\.wait/ { waits = 0 }
    waits && /[ \t](ld|st|atom|red)\.[a-z.]*global/ && !/ld\.global\.nc/ { print "native: " name " reads or writes memory before it waits: " $0; bad = 1; waits = 0 }
    END { exit bad }
' "$listing/kernels.ptx" >&2
mv "$target/plumbline.fatbin.partial" "$target/plumbline.fatbin"
