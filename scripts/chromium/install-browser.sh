#!/usr/bin/env bash
# Installs Debian's chromium for the browser test of the demo; it needs root, or sudo that asks no password.
set -euo pipefail
cd "$(dirname "$0")/../.."

give_up() {
  echo "Chromium could not be installed here ($1): install it, or set CHROMIUM_PATH to Chromium or Chrome." >&2
  exit 1
}

source scripts/debian/packages.sh
# Without a font that has letters, a page is laid out and shows boxes.
install_packages chromium fonts-dejavu-core || give_up 'apt-get failed'
