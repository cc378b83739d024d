#!/bin/sh
# Measures llama.cpp: run.sh FILE THREADS PROMPT OUTPUT. With LLAMA_BENCH set to the path of a llama-bench of your own build, that is
# measured; else the binary that node-llama-cpp ships for this processor, installed here by npm when first needed.
# run.sh --greedy FILE COUNT TOKENS prints what it says next in place of measuring it.
set -e
here=$(cd "$(dirname "$0")" && pwd)
if [ -n "${LLAMA_BENCH:-}" ] && [ "$1" != --greedy ]; then
    "$LLAMA_BENCH" -m "$1" -t "$2" -p "$3" -n "$4" -ngl 0 -r 3 -o json | node -e '
        const rows = JSON.parse(require("fs").readFileSync(0));
        const rate = (kind) => rows.find((r) => r[kind] > 0 && r[kind === "n_gen" ? "n_prompt" : "n_gen"] === 0).avg_ts;
        console.log(JSON.stringify({prefill: rate("n_prompt"), decode: rate("n_gen")}));'
    exit
fi
command -v npm >/dev/null || { echo "llama.cpp peer: npm is needed (or LLAMA_BENCH=path of llama-bench). Debian: apt install nodejs npm" >&2; exit 1; }
[ -d "$here/node_modules/node-llama-cpp" ] || (cd "$here" && npm install --ignore-scripts --no-package-lock --silent >&2)
if [ "$1" = --greedy ]; then
    shift
    exec node "$here/greedy.mjs" "$@"
fi
exec node "$here/bench.mjs" "$@"
