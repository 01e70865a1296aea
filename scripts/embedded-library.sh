#!/bin/sh
# Prints the path of a library of the Embedded Swift toolchain for this machine, asked of the compiler.
set -eu
swiftc -print-target-info | python3 -c '
import json, sys
info = json.load(sys.stdin)
print(info["paths"]["runtimeResourcePath"] + "/embedded/" + info["target"]["triple"] + "/" + sys.argv[1])
' "$1"
