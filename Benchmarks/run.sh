#!/bin/sh
# Runs the benchmarks beside PyTorch, in an environment of their own: build/bench/venv.
# Arguments go to Benchmarks/charlm.py.
#
# torch's CPU build comes from PyTorch's own package index. If pip does not know that index here,
# name it in PIP_EXTRA_INDEX_URL, as PyTorch's installation page says.
set -eu
cd "$(dirname "$0")/.."
venv=build/bench/venv

if [ ! -e "$venv/ready" ]; then
  echo "== making $venv =="
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check "torch==2.13.0+cpu" numpy -e bindings/python
  touch "$venv/ready"
fi
exec "$venv/bin/python" Benchmarks/charlm.py "$@"
