#!/usr/bin/env bash
# Builds the GitOps engines that `make test-gitops` runs, once, from the pinned Go modules beside this script into the cache
# outside the tree. Apart from hack/cluster/build.sh, since only the nightly suite needs them.
#
#   build.sh            build what is missing
#   build.sh --where    print the directory the programs belong in, and build nothing
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-${HOME:?HOME or XDG_CACHE_HOME must be set}/.cache}/carnet

# module, program, package, seconds on two cores from an empty Go build cache
plan=(
  "flux    kustomize-controller  github.com/fluxcd/kustomize-controller  410"
  "flux    kustomize             sigs.k8s.io/kustomize/kustomize/v5       10"
  "argocd  argocd                github.com/argoproj/argo-cd/v3/cmd      430"
)
export CGO_ENABLED=0 GOFLAGS="-mod=readonly -trimpath -buildvcs=false" GOWORK=off
ldflags="-s -w"
source_version=v1.9.1
source_sum=h1:FF8XTxLND/pXzVtUESKURUDiItFJQDZBZkbHvZimN8s=
# Kinds of sources that kustomize-controller watches; without the definition of any one of them it ends.
sources="gitrepositories ocirepositories buckets externalartifacts"

digest() {
  sha256sum | cut -c1-16
}
key=$(cat "$here"/*/go.mod "$here"/*/go.sum <(printf '%s\n' "${plan[@]}" "$CGO_ENABLED $GOFLAGS $ldflags $source_version $sources") | digest)
bin=$cache/bin/gitops-$key

if [ "${1:-}" = --where ]; then
  printf '%s\n' "$bin"
  exit 0
fi
if [ -e "$bin/.complete" ]; then
  echo "GitOps engines are built: $bin"
  exit 0
fi
command -v go >/dev/null || { echo "hack/gitops/build.sh: Go is not installed: https://go.dev/dl/" >&2; exit 1; }

mkdir -p "$bin"
exec 9>"$cache/bin/.gitops.lock"
flock 9
echo "building the GitOps engines into $bin; from an empty Go build cache this takes about 15 minutes on two cores"
for row in "${plan[@]}"; do
  read -r module name package _ <<<"$row"
  [ -x "$bin/$name" ] && continue
  began=$SECONDS
  printf '%s ... ' "$name"
  (cd "$here/$module" && nice -n 10 go build -ldflags "$ldflags" -o "$bin/.$name.partial" "$package") 9>&-
  mv "$bin/.$name.partial" "$bin/$name"
  printf '%d s\n' "$((SECONDS - began))"
done

# What Argo CD reads beside its binary: its definitions and the wrappers that its repo server calls.
argocd=$(cd "$here/argocd" && go list -mod=readonly -m -f '{{.Dir}}' github.com/argoproj/argo-cd/v3)
flux=$(cd "$here/flux" && go list -mod=readonly -m -f '{{.Dir}}' github.com/fluxcd/kustomize-controller)
# The source controller itself does not run: the test publishes the artifact. Its definitions alone are taken.
source=$(cd /tmp && go mod download -json "github.com/fluxcd/source-controller@$source_version")
grep -qF "\"Sum\": \"$source_sum\"" <<<"$source" || { echo "hack/gitops/build.sh: source-controller is not what was pinned" >&2; exit 1; }
source=$(sed -n 's/^.*"Dir": "\(.*\)".*$/\1/p' <<<"$source")
mkdir -p "$bin/crds/argocd" "$bin/crds/flux"
cp "$argocd"/manifests/crds/{application-crd,applicationset-crd,appproject-crd}.yaml "$bin/crds/argocd/"
cp "$flux"/config/crd/bases/*.yaml "$bin/crds/flux/"
for kind in $sources; do
  cp "$source/config/crd/bases/source.toolkit.fluxcd.io_$kind.yaml" "$bin/crds/flux/"
done
install -m 0755 "$argocd"/hack/git-verify-wrapper.sh "$argocd"/hack/gpg-wrapper.sh "$bin/"
touch "$bin/.complete"
echo "GitOps engines are built: $bin"
