#!/usr/bin/env bash
# Builds cert-manager's controllers, once, from the pinned Go module beside this script into the cache outside the tree, and puts
# its definitions beside them. Apart from hack/cluster/build.sh, since only `make test-cert-manager` needs them.
#
#   build.sh            build what is missing
#   build.sh --where    print the directory the program belongs in, and build nothing
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-${HOME:?HOME or XDG_CACHE_HOME must be set}/.cache}/carnet
export CGO_ENABLED=0 GOFLAGS="-mod=readonly -trimpath -buildvcs=false" GOWORK=off
key=$(cat "$here"/go.mod "$here"/go.sum "$here"/main.go "${BASH_SOURCE[0]}" | sha256sum | cut -c1-16)
bin=$cache/bin/cert-manager-$key

if [ "${1:-}" = --where ]; then
  printf '%s\n' "$bin"
  exit 0
fi
if [ -e "$bin/.complete" ]; then
  echo "cert-manager is built: $bin"
  exit 0
fi
command -v go >/dev/null || { echo "hack/certmanager/build.sh: Go is not installed: https://go.dev/dl/" >&2; exit 1; }

mkdir -p "$bin"
exec 9>"$cache/bin/.cert-manager.lock"
flock 9
echo "building cert-manager into $bin; from an empty Go build cache this takes about five minutes on two cores"
cd "$here"
nice -n 10 go build -ldflags "-s -w" -o "$bin/.cert-manager.partial" . 9>&-
mv "$bin/.cert-manager.partial" "$bin/cert-manager"
rm -rf "$bin/crds"
cp -r "$(go list -m -f '{{.Dir}}' github.com/cert-manager/cert-manager)/deploy/crds" "$bin/crds"
chmod -R u+w "$bin/crds"
touch "$bin/.complete"
echo "cert-manager is built: $bin"
