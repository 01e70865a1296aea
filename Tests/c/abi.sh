#!/bin/sh
# abi.sh proves what the built library is from outside: it exports the functions of rnn.h and nothing else, has
# its soname, is at most 1 MB stripped, needs only OpenBLAS and the C library, calls nothing that prints or ends
# the host; the static library is as tight, and links; what `make install` leaves compiles and runs by pkg-config.
#
# Usage: abi.sh BUILD, the directory of librnn.so and librnn.a.
set -eu
cd "$(dirname "$0")"
build=$(realpath "${1:-../../build}")
root=$(realpath ../..)
header=$root/include/rnn.h
library=$build/librnn.so
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
checks=0
failures=0

# check WHAT EXPECTED GOT: the same text, or the difference is shown.
check() {
  checks=$((checks + 1))
  [ "$2" = "$3" ] && return
  failures=$((failures + 1))
  echo "$2" >"$scratch/expected"
  echo "$3" >"$scratch/got"
  echo "abi.sh: $1: expected (-), got (+):" >&2
  diff -U0 "$scratch/expected" "$scratch/got" | grep -v '^\(---\|+++\|@@\)' >&2 || true
}

# The names that a declaration of rnn.h has before its parenthesis.
declared=$(sed -nE '/^(typedef|#)/d; s/^[a-z].*[ *](rnn_[a-z_]+)\(.*/\1/p' "$header" | sort)
check "functions declared twice" "" "$(echo "$declared" | uniq -d)"
check "at least 57 functions are declared" yes "$([ "$(echo "$declared" | wc -l)" -ge 57 ] && echo yes)"

# ---- The shared library ----

check "exports of librnn.so" "$declared" "$(nm -D --defined-only "$library" | awk '{ print $3 }' | sort)"
check "soname" "librnn.so.0" "$(readelf -d "$library" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')"
check "search paths within" "" "$(readelf -d "$library" | grep -E 'RPATH|RUNPATH' || true)"
check "an executable stack" "" "$(readelf -lW "$library" | grep GNU_STACK | grep RWE || true)"
check "the same file under each name" "$(sha256sum <"$library")" "$(sha256sum <"$build/librnn.so.0")"

check "machine paths within" "" "$(strings "$library" "$build/librnn.a" | grep -F "$root" | head -3)"

strip -o "$scratch/stripped" "$library"
for file in "$library" "$scratch/stripped"; do
  size=$(stat -L -c %s "$file")
  check "at most 1310000 bytes, $(basename "$file") has $size" yes "$([ "$size" -le 1310000 ] && echo yes)"
done

needed=$(readelf -d "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
check "libraries it names" "" "$(echo "$needed" | grep -vE '^(libopenblas|libm|libc|libpthread|ld-linux.*)\.so' || true)"
blas=$(ldd "$library" | awk '/libopenblas/ { print $3 }')
check "OpenBLAS is found" yes "$([ -f "$blas" ] && echo yes)"
all=$(ldd "$library" | awk '{ print $1 }' | grep -v -e '^linux-vdso' -e libopenblas | sort)
of_blas=$(ldd "$blas" | awk '{ print $1 }' | grep -v '^linux-vdso' | sort)
check "libraries that OpenBLAS does not need as well" "" "$(echo "$all" | grep -vxF "$of_blas" || true)"
check "Swift libraries" "" "$(ldd "$library" | grep -iE 'swift|foundation|dispatch' || true)"

# The library never prints, ends or signals the host, changes its settings, or leaves through a door of its own.
forbidden='abort|exit|_exit|_Exit|quick_exit|raise|kill|signal|sigaction|printf|fprintf|vprintf|vfprintf|dprintf'
forbidden="$forbidden|puts|fputs|putchar|putc|fputc|fwrite|perror|syslog|__assert_fail|setlocale|putenv|setenv"
forbidden="$forbidden|dlopen|system|fork|execv.*|openblas_set_num_threads|goto_set_num_threads"
check "calls of forbidden functions" "" \
  "$(nm -D --undefined-only "$library" | awk '{ sub(/@.*/, "", $2); print $2 }' | grep -xE "($forbidden)" || true)"

# ---- The static library ----

# Its names are still there. Tables of the Swift library, and the functions that bring texts to canonical forms.
check "Unicode tables" "" "$(nm "$build/librnn.a" | grep -E ' _swift_stdlib_|NF[CD]Normalizer' || true)"
check "global symbols of librnn.a" "$declared" "$(nm -g --defined-only "$build/librnn.a" | awk 'NF == 3 { print $3 }' | sort)"
compile() {
  out=$1
  shift
  ${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -pedantic -Werror smoke.c touch.c touch_flow.c touch_stream.c touch_decoding.c -o "$out" "$@"
}
compile "$scratch/static" -I"$root/include" "$build/librnn.a" -lopenblas -lm -lpthread
check "needs librnn.so" "" "$(readelf -d "$scratch/static" | grep 'NEEDED.*librnn' || true)"
check "linked statically" "smoke --short" "$("$scratch/static" --short | grep passed | cut -d: -f1)"

# ---- What make install leaves; the library is taken as it is ----

${MAKE:-make} -s --no-print-directory -C "$root" -o all install BUILD="$build" DESTDIR="$scratch/root" PREFIX=/usr >"$scratch/log" 2>&1 ||
  { cat "$scratch/log" >&2; exit 1; }
installed=$scratch/root/usr/lib
export PKG_CONFIG_SYSROOT_DIR="$scratch/root" PKG_CONFIG_LIBDIR="$installed/pkgconfig"
export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
version=$(sed -nE 's/^#define RNN_VERSION_(MAJOR|MINOR|PATCH) //p' "$header" | paste -sd.)
check "version by pkg-config" "$version" "$(pkg-config --modversion rnn)"
check "installed header" "$(sha256sum <"$header")" "$(sha256sum <"$scratch/root/usr/include/rnn.h")"
check "installed C++ header" "$(sha256sum <"$root/bindings/cpp/rnn.hpp")" "$(sha256sum <"$scratch/root/usr/include/rnn.hpp")"
check "installed names" "librnn.a librnn.so librnn.so.0 librnn.so.$version" \
  "$(cd "$installed" && ls -d librnn.* | sort | paste -sd' ')"
check "machine paths in what is installed" "" \
  "$(grep -rlF -e "$scratch" -e "$root" "$installed/pkgconfig" "$installed/cmake" || true)"
# shellcheck disable=SC2046
compile "$scratch/dynamic" $(pkg-config --cflags --libs rnn) -lm
check "runs against the installed library" "smoke --short" \
  "$(LD_LIBRARY_PATH=$installed "$scratch/dynamic" --short | grep passed | cut -d: -f1)"
check "takes the installed library" "$installed/librnn.so.0" \
  "$(LD_LIBRARY_PATH=$installed ldd "$scratch/dynamic" | awk '/librnn/ { print $3 }')"

# ----

if [ "$failures" -gt 0 ]; then
  echo "abi: $failures of $checks checks failed"
  exit 1
fi
echo "abi: $checks checks passed"
