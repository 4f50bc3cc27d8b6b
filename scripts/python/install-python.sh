#!/usr/bin/env bash
# Makes .python/, a virtual environment with what the tests of the Python verifier need. Any Python from 3.10 on will do: the
# one that PYTHON_PATH names, one of this machine, or Debian's, which needs root, or sudo that asks no password.
set -euo pipefail
cd "$(dirname "$0")/../.."
environment="$PWD/.python"
requirements=scripts/python/requirements.txt

give_up() {
  echo "Python could not be set up here ($1): install Python 3.10 or later with venv, or set PYTHON_PATH to the program." >&2
  exit 1
}

is_usable() {
  "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

find_python() {
  local candidate
  for candidate in "${PYTHON_PATH:-python3}" python3 python3.1{2,3,4,1,0} /usr/bin/python3 "$HOME"/.pyenv/versions/3.1*/bin/python3; do
    if is_usable "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

if [ -n "${PYTHON_PATH:-}" ]; then
  is_usable "$PYTHON_PATH" || give_up 'PYTHON_PATH is not a Python from 3.10 on with venv'
elif ! find_python >/dev/null; then
  source scripts/debian/packages.sh
  install_packages python3 python3-venv || give_up 'apt-get failed'
fi
python=$(find_python) || give_up 'Debian has an older Python'

rm -rf "$environment"
"$python" -m venv "$environment" || give_up 'the virtual environment could not be made'
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements" ||
  give_up 'a package could not be installed'
# Written last: the tests run this script again if it is missing or differs from the requirements.
cp "$requirements" "$environment/installed.txt"
