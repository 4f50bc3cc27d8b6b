#!/usr/bin/env bash
# Unpacks two PgBouncers of Debian into .pgbouncer/ for the tests, without root: 1.18 of bookworm, which knows no prepared
# statements, and a later one of trixie, which does. Each comes with all its libraries, so the machine's do not matter.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache="$PWD/.pgbouncer"

give_up() {
  echo "PgBouncer could not be unpacked here ($1): the tests behind a pooler need Debian's packages." >&2
  exit 1
}

command -v apt-get >/dev/null || give_up 'no apt'

# The mirror that this machine uses for its own packages.
mirror=$(apt-get indextargets --format '$(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
  awk '$1 == "main" && $2 ~ /\/debian\/?$/ { print $2; exit }')
[ -n "$mirror" ] || give_up 'not Debian'

unpack_packages() {
  local suite=$1 root="$cache/$1" work="$cache/$1.unpacking"
  rm -rf "$root" "$work"
  mkdir -p "$work/lists/partial" "$work/packages"
  # An empty status: apt then names every library, also those that this machine has in another version.
  : >"$work/status"
  local keys=/usr/share/keyrings/debian-archive-keyring.gpg
  echo "deb [signed-by=$keys] $mirror $suite main" >"$work/sources.list"
  local apt=(
    -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$work/lists"
    -o "Dir::State::Status=$work/status" -o "Dir::Cache=$work" -o APT::Sandbox::User=
  )
  apt-get "${apt[@]}" update
  local names
  names=$(apt-get "${apt[@]}" install --simulate --no-install-recommends pgbouncer |
    awk '$1 == "Inst" { print $2 }' | grep -E '^(lib|zlib|pgbouncer$)' | grep -vE 'perl|pam-modules|debconf|common')
  # shellcheck disable=SC2086 -- one word per package
  (cd "$work/packages" && apt-get "${apt[@]}" download $names)
  for package in "$work"/packages/*.deb; do dpkg -x "$package" "$work/root"; done
  mv "$work/root" "$root"
  rm -rf "$work"
}

for suite in bookworm trixie; do
  [ -d "$cache/$suite" ] || unpack_packages "$suite" || give_up 'apt-get failed'
done
