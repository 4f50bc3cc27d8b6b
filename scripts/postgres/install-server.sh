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

source scripts/debian/packages.sh

install_server() {
  local settings=/etc/postgresql-common/createcluster.conf
  install_packages postgresql-common || return
  # The package would create and start a server called "main"; the file is put back afterwards.
  as_root cp -p "$settings" "$settings.before"
  trap 'as_root mv -f "$settings.before" "$settings"' RETURN
  echo 'create_main_cluster = false' | as_root tee -a "$settings" >/dev/null
  install_packages postgresql
}

unpack_server() {
  update_lists || return
  local server
  server=$(apt_in_cache apt-cache depends postgresql | grep -om1 'postgresql-[0-9]*$')
  # shellcheck disable=SC2046 -- one word per package
  unpack "$server" $(missing_packages "$server" '^(lib|tzdata|postgresql-(client-)?[0-9])')
}

if [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; then
  install_server || give_up 'apt-get failed'
else
  unpack_server || give_up 'apt-get failed'
fi
