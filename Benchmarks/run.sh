#!/bin/sh
# Runs the benchmarks in an environment of their own: build/bench/venv, with the rivals of
# requirements.txt. Arguments go to Benchmarks/bench.py.
#
# torch's CPU build comes from PyTorch's own package index. If pip does not know that index here,
# name it in PIP_EXTRA_INDEX_URL, as PyTorch's installation page says. A rival that cannot be had
# is reported and left out.
set -eu
cd "$(dirname "$0")/.."
venv=build/bench/venv
wanted=Benchmarks/requirements.txt

install() { "$venv/bin/pip" install -q --disable-pip-version-check "$@"; }

if ! cmp -s "$wanted" "$venv/ready"; then
  echo "== making $venv =="
  python3 -m venv "$venv"
  install -e bindings/python
  if install -r "$wanted"; then
    cp "$wanted" "$venv/ready"
  else # one by one, and again the next time
    grep '^[a-z]' "$wanted" | while read -r rival; do
      install "$rival" </dev/null || echo "== $rival cannot be installed ==" >&2
    done
  fi
fi
exec "$venv/bin/python" Benchmarks/bench.py "$@"
