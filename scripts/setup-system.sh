#!/bin/sh
# Installs the system packages that are missing. Does nothing, offline too, when none are.
set -eu

command -v swift >/dev/null || { echo "librnn: expected Swift 6.3 or later on the PATH, found none" >&2; exit 1; }

# Tests look at pages in a browser, any of these; Ubuntu has its Chromium under another name.
browser=chromium
! grep -qs '^ID=ubuntu' /etc/os-release || browser=chromium-browser
for command in google-chrome chromium chromium-browser; do
  ! command -v "$command" >/dev/null || browser=""
done

missing=""
for package in libopenblas-dev pkg-config gcc g++ binutils make python3 python3-dev python3-venv valgrind qemu-user clang-format $browser; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo"
echo "== installing$missing =="
# shellcheck disable=SC2086
$sudo apt-get install -y --no-install-recommends $missing >/dev/null 2>&1 || {
  $sudo apt-get update -q
  $sudo apt-get install -y --no-install-recommends $missing
}
