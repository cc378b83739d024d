#!/bin/sh
# Has GPULlama3.java (TornadoVM, Java on GPUs) answer one prompt from a GGUF file, greedily, and prints what it says of
# its speed:
#
#     GPULLAMA3_HOME=DIR run.sh FILE.gguf TOKENS
#
# GPULLAMA3_HOME is a checkout of https://github.com/beehive-lab/GPULlama3.java, built, whose setvars.sh or TORNADO_SDK
# names TornadoVM. It reads F16 and Q8_0 files of Llama, Mistral, Qwen and Phi. Where it is absent this says so and ends
# with 3.
set -e
[ $# = 2 ] || { echo "run.sh FILE.gguf TOKENS" >&2; exit 2; }
if [ -z "$GPULLAMA3_HOME" ] || [ ! -x "$GPULLAMA3_HOME/llama-tornado" ]; then
    echo "GPULlama3.java is skipped: GPULLAMA3_HOME names no checkout with llama-tornado in it." >&2
    exit 3
fi
if [ -z "$TORNADO_SDK" ] && [ -f "$GPULLAMA3_HOME/setvars.sh" ]; then
    . "$GPULLAMA3_HOME/setvars.sh"
fi
if [ -z "$TORNADO_SDK" ]; then
    echo "GPULlama3.java is skipped: TORNADO_SDK names no TornadoVM." >&2
    exit 3
fi
cd "$GPULLAMA3_HOME"
echo "GPULlama3.java $(git -C "$GPULLAMA3_HOME" describe --always --tags 2>/dev/null || echo of an unknown version)"
exec ./llama-tornado --gpu --verbose-init --model "$1" --temperature 0 --max-tokens "$2" \
    --prompt "Tell me a long story about a bear."
