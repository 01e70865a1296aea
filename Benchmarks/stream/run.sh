#!/bin/sh
# How long a step of a stream takes, from C and from Python, beside RTNeural's figures and the peak of a core.
# Prints tables, writes build/bench/stream.csv and stream_python.csv. `run.sh 5`: in 5 rounds instead of 15.
set -eu
cd "$(dirname "$0")/../.."
out=build/bench
strict="-Wall -Wextra -pedantic -Werror"
mkdir -p "$out"
"${CC:-cc}" -std=gnu11 -O3 -march=native -Wall -Wextra -pthread Benchmarks/peak.c -o "$out/peak"
# shellcheck disable=SC2086
"${CC:-cc}" -std=c11 -O2 $strict -Iinclude Benchmarks/stream/stream.c -o "$out/stream" \
  -Lbuild -lrnn -lm -Wl,-rpath,"$PWD/build"

# On the last of the processors that the process may use: interrupts prefer the first.
pin=""
if command -v taskset >/dev/null; then
  last=$(taskset -cp $$ | sed 's/.*[ ,-]//')
  pin="taskset -c $last"
fi
export OPENBLAS_NUM_THREADS=1
$pin "$out/stream" "$out/peak" "$out/stream.csv" "$@"

python=.venv/bin/python
[ -x "$python" ] || python=python3
$pin env PYTHONPATH=bindings/python/src "$python" Benchmarks/stream/stream_python.py "$out"
