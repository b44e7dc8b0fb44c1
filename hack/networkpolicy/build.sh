#!/usr/bin/env bash
# Builds the firewall of kube-router, which enforces NetworkPolicies, once, from the pinned Go module beside this script into the
# cache outside the tree, and installs what it calls. Apart from hack/cluster/build.sh, since only `make test-network-policy` needs it.
#
#   build.sh            build what is missing
#   build.sh --where    print the directory the program belongs in, and build nothing
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-${HOME:?HOME or XDG_CACHE_HOME must be set}/.cache}/carnet
export CGO_ENABLED=0 GOFLAGS="-mod=readonly -trimpath -buildvcs=false" GOWORK=off
key=$(cat "$here"/go.mod "$here"/go.sum "${BASH_SOURCE[0]}" | sha256sum | cut -c1-16)
bin=$cache/bin/kube-router-$key

if [ "${1:-}" = --where ]; then
  printf '%s\n' "$bin"
  exit 0
fi
missing=()
for row in ipset:ipset iptables:iptables iptables-save:iptables; do
  PATH=$PATH:/usr/sbin:/sbin command -v "${row%:*}" >/dev/null || missing+=("${row#*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
  [ "$(id -u)" -eq 0 ] || { echo "missing; as root: apt-get update && apt-get install ${missing[*]}" >&2; exit 1; }
  echo "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
if [ -x "$bin/kube-router" ]; then
  echo "kube-router is built: $bin"
  exit 0
fi
command -v go >/dev/null || { echo "hack/networkpolicy/build.sh: Go is not installed: https://go.dev/dl/" >&2; exit 1; }

mkdir -p "$bin"
exec 9>"$cache/bin/.kube-router.lock"
flock 9
echo "building kube-router into $bin; from an empty Go build cache this takes about five minutes on two cores"
cd "$here"
nice -n 10 go build -ldflags "-s -w" -o "$bin/.kube-router.partial" github.com/cloudnativelabs/kube-router/v2/cmd/kube-router 9>&-
mv "$bin/.kube-router.partial" "$bin/kube-router"
echo "kube-router is built: $bin"
