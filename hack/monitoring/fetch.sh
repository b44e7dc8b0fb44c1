#!/usr/bin/env bash
# Unpacks Debian's Prometheus and promtool into a cache outside the tree: nothing is installed, so that no service starts.
#
#   fetch.sh            fetch what is missing
#   fetch.sh --where    print the directory the programs belong in, and fetch nothing
#
# A machine that has both on its PATH needs neither Debian nor the network.
set -euo pipefail

programs=(prometheus promtool)
cache=${XDG_CACHE_HOME:-${HOME:?HOME or XDG_CACHE_HOME must be set}/.cache}/carnet
bin=$cache/prometheus

fail() {
  echo "hack/monitoring/fetch.sh: $*" >&2
  exit 1
}

complete() {
  for program in "${programs[@]}"; do
    [ -x "$bin/$program" ] || return 1
  done
}

if [ "${1:-}" = --where ]; then
  printf '%s\n' "$bin"
  exit 0
fi
if complete; then
  exit 0
fi

mkdir -p "$cache"
work=$(mktemp -d "$cache/prometheus.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
if found=$(command -v "${programs[@]}") && [ "$(wc -l <<<"$found")" -eq "${#programs[@]}" ]; then
  for program in $found; do ln -s "$program" "$work/bin/"; done
else
  command -v apt-get >/dev/null || fail "no Debian here: put ${programs[*]} on the PATH, from https://prometheus.io/download/"
  # The lists of packages may be missing or old; only root can renew them.
  (cd "$work" && apt-get download -qq -o APT::Sandbox::User=root prometheus) ||
    { [ "$(id -u)" -eq 0 ] && apt-get update -qq && (cd "$work" && apt-get download -qq -o APT::Sandbox::User=root prometheus); } ||
    fail "apt-get cannot download prometheus; as root: apt-get update"
  dpkg -x "$work"/prometheus_*.deb "$work/root"
  for program in "${programs[@]}"; do mv "$work/root/usr/bin/$program" "$work/bin/"; done
fi
rm -rf "$bin"
mv "$work/bin" "$bin"
echo "Prometheus is there: $bin"
