#!/usr/bin/env bash
# Makes PostgreSQL's server programs available to the tests. As root, or with sudo that asks no
# password, it installs the distribution's package; otherwise it unpacks the same packages into
# .postgres/, without root. It never creates or starts a server of the machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache="$PWD/.postgres"

give_up() {
  echo "PostgreSQL could not be installed here ($1): install PostgreSQL 15 or later, or set TEST_DATABASE_URL to a server on which the tests may create databases." >&2
  exit 1
}

command -v apt-get >/dev/null || give_up 'no apt'

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

install_package() {
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300)
  local settings=/etc/postgresql-common/createcluster.conf
  as_root "${apt[@]}" update
  as_root "${apt[@]}" install -y --no-install-recommends postgresql-common
  # The package would create and start a server called "main"; the file is put back afterwards.
  as_root cp -p "$settings" "$settings.before"
  trap 'as_root mv -f "$settings.before" "$settings"' RETURN
  echo 'create_main_cluster = false' | as_root tee -a "$settings" >/dev/null
  as_root "${apt[@]}" install -y --no-install-recommends postgresql
}

unpack_packages() {
  mkdir -p "$cache/lists/partial" "$cache/packages"
  # The machine's package lists are often empty and belong to root.
  local apt=(-o "Dir::State::Lists=$cache/lists" -o "Dir::Cache=$cache" -o APT::Sandbox::User=)
  apt-get "${apt[@]}" update
  local server
  server=$(apt-cache "${apt[@]}" depends postgresql | grep -om1 'postgresql-[0-9]*$')
  # Only what is missing on this machine: unpacking another libc beside the running one breaks programs.
  local missing
  missing=$(apt-get "${apt[@]}" install --simulate --no-install-recommends "$server" |
    awk '$1 == "Inst" { print $2 }' | grep -E '^(lib|tzdata|postgresql-(client-)?[0-9])' | grep -vE '^libc6') || true
  # shellcheck disable=SC2086 -- one word per package
  (cd "$cache/packages" && apt-get "${apt[@]}" download "$server" $missing)
  for package in "$cache"/packages/*.deb; do dpkg -x "$package" "$cache"; done
  rm -rf "$cache/lists" "$cache/packages" "$cache"/*.bin
}

if [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; then
  install_package || give_up 'apt-get failed'
else
  unpack_packages || give_up 'apt-get failed'
fi
