#!/usr/bin/env bash
# Unpacks Debian's prometheus, with promtool, into .prometheus/ for the tests of metrics, without root. Installed, the package
# would start a server of the machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache="$PWD/.prometheus"

give_up() {
  echo "Prometheus could not be unpacked here ($1): install it, or set PROMETHEUS_PATH to the folder of its programs." >&2
  exit 1
}

command -v apt-get >/dev/null || give_up 'no apt'

unpack_package() {
  mkdir -p "$cache/lists/partial" "$cache/packages"
  # The machine's package lists are often empty and belong to root.
  local apt=(-o "Dir::State::Lists=$cache/lists" -o "Dir::Cache=$cache" -o APT::Sandbox::User=)
  apt-get "${apt[@]}" update
  # Alone: its programs need the C library and nothing else.
  (cd "$cache/packages" && apt-get "${apt[@]}" download prometheus)
  dpkg -x "$cache"/packages/prometheus_*.deb "$cache"
  rm -rf "$cache/lists" "$cache/packages" "$cache"/*.bin
}

unpack_package || give_up 'apt-get failed'
