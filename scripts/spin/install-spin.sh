#!/usr/bin/env bash
# Unpacks Debian's spin into .spin/ for the test of the protocol's model, without root. A C compiler, which that test also
# needs, is installed if there is none; this needs root, or sudo that asks no password.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache="$PWD/.spin"

give_up() {
  echo "Spin could not be set up here ($1): install spin and gcc, or set SPIN_PATH to the program." >&2
  exit 1
}

source scripts/debian/packages.sh
if ! command -v spin >/dev/null; then
  update_lists || give_up 'apt-get update failed'
  # Alone: it needs the C library and nothing else.
  unpack spin || give_up 'apt-get download failed'
fi
command -v gcc >/dev/null || install_packages gcc libc6-dev || give_up 'no C compiler, and apt-get failed'
