#!/usr/bin/env bash
# Unpacks Debian's nginx into .nginx/ for the tests of the cluster, without root. Installed, the package would start a
# server of the machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache="$PWD/.nginx"

give_up() {
  echo "nginx could not be unpacked here ($1): install it, or set NGINX_PATH to the program." >&2
  exit 1
}

command -v apt-get >/dev/null || give_up 'no apt'

unpack_packages() {
  mkdir -p "$cache/lists/partial" "$cache/packages"
  # The machine's package lists are often empty and belong to root.
  local apt=(-o "Dir::State::Lists=$cache/lists" -o "Dir::Cache=$cache" -o APT::Sandbox::User=)
  apt-get "${apt[@]}" update
  # Only what is missing on this machine: unpacking another libc beside the running one breaks programs.
  local missing
  missing=$(apt-get "${apt[@]}" install --simulate --no-install-recommends nginx |
    awk '$1 == "Inst" { print $2 }' | grep -E '^lib' | grep -vE '^libc6') || true
  # shellcheck disable=SC2086 -- one word per package
  (cd "$cache/packages" && apt-get "${apt[@]}" download nginx $missing)
  for package in "$cache"/packages/*.deb; do dpkg -x "$package" "$cache"; done
  rm -rf "$cache/lists" "$cache/packages" "$cache"/*.bin
}

unpack_packages || give_up 'apt-get failed'
