#!/bin/sh
# Makes .venv with the Python binding, in place, and what its tests, examples and checks need.
set -eu
cd "$(dirname "$0")/.."
scripts/setup-system.sh
echo "== making .venv =="
[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/pip install -q --disable-pip-version-check -e "bindings/python[dev]"
