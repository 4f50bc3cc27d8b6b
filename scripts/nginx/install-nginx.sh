#!/usr/bin/env bash
# Unpacks Debian's nginx into .nginx/ for the tests of the cluster, without root.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache="$PWD/.nginx"

give_up() {
  echo "nginx could not be unpacked here ($1): install it, or set NGINX_PATH to the program." >&2
  exit 1
}

source scripts/debian/packages.sh
update_lists || give_up 'apt-get update failed'
# shellcheck disable=SC2046 -- one word per package
unpack nginx $(missing_packages nginx '^lib') || give_up 'apt-get download failed'
