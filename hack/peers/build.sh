#!/usr/bin/env bash
# Builds the policy engines that `make bench-admission` compares Carnet with, once, from the pinned Go modules beside this
# script into the cache outside the tree. Apart from hack/cluster/build.sh, since no test needs them.
#
#   build.sh            build what is missing
#   build.sh --where    print the directory the programs belong in, and build nothing
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-${HOME:?HOME or XDG_CACHE_HOME must be set}/.cache}/carnet

# module, program, package, seconds on two cores from an empty Go build cache
plan=(
  "gatekeeper  gatekeeper  github.com/open-policy-agent/gatekeeper/v3  300"
  "kyverno     kyverno     github.com/kyverno/kyverno/cmd/kyverno      420"
)
export CGO_ENABLED=0 GOFLAGS="-mod=readonly -trimpath -buildvcs=false" GOWORK=off
ldflags="-s -w"

digest() {
  sha256sum | cut -c1-16
}
key=$(cat "$here"/*/go.mod "$here"/*/go.sum <(printf '%s\n' "${plan[@]}" "$CGO_ENABLED $GOFLAGS $ldflags") | digest)
bin=$cache/bin/peers-$key

if [ "${1:-}" = --where ]; then
  printf '%s\n' "$bin"
  exit 0
fi
if [ -e "$bin/.complete" ]; then
  echo "policy engines are built: $bin"
  exit 0
fi
command -v go >/dev/null || { echo "hack/peers/build.sh: Go is not installed: https://go.dev/dl/" >&2; exit 1; }

mkdir -p "$bin/crds"
exec 9>"$cache/bin/.peers.lock"
flock 9
echo "building the policy engines into $bin; from an empty Go build cache this takes about 12 minutes on two cores"
for row in "${plan[@]}"; do
  read -r module name package _ <<<"$row"
  [ -x "$bin/$name" ] && continue
  began=$SECONDS
  printf '%s ... ' "$name"
  (cd "$here/$module" && nice -n 10 go build -ldflags "$ldflags" -o "$bin/.$name.partial" "$package") 9>&-
  mv "$bin/.$name.partial" "$bin/$name"
  printf '%d s\n' "$((SECONDS - began))"
done

# What each reads from a cluster beside its policies: its definitions, as it ships them; and what it was built from.
source_of() {
  (cd "$here/$1" && go list -m -f '{{.Dir}}' "$2")
}
version_of() {
  sed -n "s,^require $2 ,,p" "$here/$1/go.mod"
}
gatekeeper=$(source_of gatekeeper github.com/open-policy-agent/gatekeeper/v3)
kyverno=$(source_of kyverno github.com/kyverno/kyverno)
mkdir -p "$bin/crds/gatekeeper" "$bin/crds/kyverno"
cp "$gatekeeper"/charts/gatekeeper/crds/*.yaml "$bin/crds/gatekeeper/"
cp "$kyverno"/config/crds/*/*.yaml "$bin/crds/kyverno/"
printf 'gatekeeper %s\nkyverno %s\n' "$(version_of gatekeeper github.com/open-policy-agent/gatekeeper/v3)" \
  "$(version_of kyverno github.com/kyverno/kyverno)" >"$bin/VERSIONS"
chmod -R u+w "$bin"
touch "$bin/.complete"
echo "policy engines are built: $bin"
