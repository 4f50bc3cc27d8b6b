# shellcheck shell=bash
# Sourced by the scripts that provide one of Debian's programs for the tests. They define `give_up`, which says what else to do.
# `|| return`, because `set -e` does not count in what is called on the left of `||`.

command -v apt-get >/dev/null || give_up 'no apt'

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# install_packages PACKAGE …: into the system, as root.
install_packages() {
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300)
  as_root "${apt[@]}" update || return
  as_root "${apt[@]}" install -y --no-install-recommends "$@"
}

# The rest unpacks packages into the folder $cache, without root. Installed, some of them would start a server of the machine.

# apt_in_cache PROGRAM …: apt-get or apt-cache with package lists in $cache. The machine's are often empty and belong to root.
apt_in_cache() {
  local program=$1
  shift
  "$program" -o "Dir::State::Lists=$cache/lists" -o "Dir::Cache=$cache" -o APT::Sandbox::User= "$@"
}

update_lists() {
  mkdir -p "$cache/lists/partial" "$cache/packages"
  apt_in_cache apt-get update
}

# missing_packages PACKAGE PATTERN: what the package needs, the machine lacks and the pattern names. Not another C library:
# unpacked beside the running one, it breaks programs.
missing_packages() {
  apt_in_cache apt-get install --simulate --no-install-recommends "$1" |
    awk '$1 == "Inst" { print $2 }' | grep -E "$2" | grep -vE '^libc6' || true
}

# unpack PACKAGE …
unpack() {
  (cd "$cache/packages" && apt_in_cache apt-get download "$@") || return
  local package
  for package in "$cache"/packages/*.deb; do dpkg -x "$package" "$cache" || return; done
  rm -rf "$cache/lists" "$cache/packages" "$cache"/*.bin
}
