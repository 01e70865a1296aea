#!/bin/sh
# instructions.sh proves where the library's vector instructions are: those that not every x86-64 processor has stand
# in the kernels of AVX2 and AVX-512 and nowhere else, and a processor without them runs the smoke test.
#
# Usage: instructions.sh BUILD, the directory of objects.a and the smoke test.
set -eu
[ "$(uname -m)" = x86_64 ] || { echo "instructions: nothing to check on $(uname -m)"; exit 0; }
cd "$(dirname "$0")"
build=$(realpath "${1:-../../build}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The shipped library has no names in it: link the same objects in the same way, and keep the names.
${CC:-cc} -shared -o "$scratch/librnn.so" -Wl,--whole-archive "$build/objects.a" -Wl,--no-whole-archive \
  -Wl,--version-script=../../packaging/librnn.map -Wl,--gc-sections -Wl,--strip-debug \
  -lopenblas -lm -lpthread

# Instructions of AVX and later begin with v; names of kernels say for which machine they are.
objdump -d --no-show-raw-insn "$scratch/librnn.so" | awk '
  / <.*>:$/ { name = $2; next }
  $2 ~ /^v[a-z]/ && $2 !~ /^ver[rw]$/ { if (name ~ /AVX/) inside[name] = 1; else outside[name] = 1 }
  END {
    for (name in outside) { print "instructions.sh: AVX outside the AVX kernels: " name; bad++ }
    for (name in inside) functions++
    if (functions < 20) { print "instructions.sh: expected AVX kernels, found " functions + 0; bad++ }
    exit bad > 0
  }'

OPENBLAS_NUM_THREADS=1 qemu-x86_64 -cpu Nehalem "$build/tests-c/smoke" --short >"$scratch/nehalem"
grep -q passed "$scratch/nehalem"
echo "instructions: AVX in its place, $(cat "$scratch/nehalem") on a processor of 2008"
