#!/usr/bin/env bash
# Installs Debian's chromium for the browser test of the demo; it needs root, or sudo that asks no password.
set -euo pipefail

give_up() {
  echo "Chromium could not be installed here ($1): install it, or set CHROMIUM_PATH to Chromium or Chrome." >&2
  exit 1
}

command -v apt-get >/dev/null || give_up 'no apt'

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300)
as_root "${apt[@]}" update || give_up 'apt-get update failed'
# Without a font that has letters, a page is laid out and shows boxes.
as_root "${apt[@]}" install -y --no-install-recommends chromium fonts-dejavu-core || give_up 'apt-get install failed'
