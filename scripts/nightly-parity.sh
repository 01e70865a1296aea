#!/bin/sh
# Compares recurrent layers with PyTorch, its autograd, ONNX's reference evaluator and Keras for
# thousands of random configurations, in an environment of its own: build/parity/venv. Arguments go
# to Tests/python/nightly_cells.py: --count N, --seed SEED, --only equations.7.
#
# torch's CPU build comes from PyTorch's own package index. If pip does not know that index here, name
# it in PIP_EXTRA_INDEX_URL, as PyTorch's installation page says.
set -eu
cd "$(dirname "$0")/.."
make python
venv=build/parity/venv
wanted=Tests/python/fixtures/requirements-cells.txt

if ! cmp -s "$wanted" "$venv/ready"; then
  echo "== making $venv =="
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check -r "$wanted" -e "bindings/python[test]"
  cp "$wanted" "$venv/ready"
fi
exec "$venv/bin/python" Tests/python/nightly_cells.py "$@"
