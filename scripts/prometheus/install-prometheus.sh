#!/usr/bin/env bash
# Unpacks Debian's prometheus, with promtool, into .prometheus/ for the tests of metrics, without root.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache="$PWD/.prometheus"

give_up() {
  echo "Prometheus could not be unpacked here ($1): install it, or set PROMETHEUS_PATH to the folder of its programs." >&2
  exit 1
}

source scripts/debian/packages.sh
update_lists || give_up 'apt-get update failed'
# Alone: its programs need the C library and nothing else.
unpack prometheus || give_up 'apt-get download failed'
