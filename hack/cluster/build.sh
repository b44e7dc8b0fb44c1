#!/usr/bin/env bash
# Builds the programs of the test cluster, once, from the pinned Go modules beside this script into a cache outside the tree.
#
#   build.sh            build what is missing
#   build.sh --where    print the directory the programs belong in, and build nothing
#
# Each program is kept under a hash of what decides what is built (its module's files, package and flags), and a directory
# of links holds one set of them. So a change of one module builds that module's programs alone, beside the old ones, and a
# second run has nothing to do. Interrupt it at any time: a program appears under its name only when it is whole, and the
# next run goes on from there.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=$(<"$here/VERSION")
cache=${XDG_CACHE_HOME:-${HOME:?HOME or XDG_CACHE_HOME must be set}/.cache}/carnet

# module, program, package, seconds on two cores from an empty Go build cache
plan=(
  "controlplane etcd                     go.etcd.io/etcd/server/v3                                       40"
  "controlplane kube-apiserver           k8s.io/kubernetes/cmd/kube-apiserver                            250"
  "controlplane kube-controller-manager  k8s.io/kubernetes/cmd/kube-controller-manager                   75"
  "controlplane kube-scheduler           k8s.io/kubernetes/cmd/kube-scheduler                            10"
  "controlplane kubectl                  k8s.io/kubernetes/cmd/kubectl                                   20"
  "kwok         kwok                     sigs.k8s.io/kwok/cmd/kwok                                       100"
  "containerd   containerd               github.com/containerd/containerd/v2/cmd/containerd              50"
  "containerd   containerd-shim-runc-v2  github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2 5"
  "containerd   ctr                      github.com/containerd/containerd/v2/cmd/ctr                     5"
  "controlplane kubelet                  k8s.io/kubernetes/cmd/kubelet                                   25"
  "controlplane kube-proxy               k8s.io/kubernetes/cmd/kube-proxy                                20"
  "helm         helm                     helm.sh/helm/v4/cmd/helm                                        130"
)

fail() {
  echo "hack/cluster/build.sh: $*" >&2
  exit 1
}

export CGO_ENABLED=0 GOFLAGS="-mod=readonly -trimpath -buildvcs=false" GOWORK=off

# The version of a module as another one requires it, without its v.
required() {
  sed -n "s,^.*$2 v\([^ ]*\).*\$,\1,p" "$here/$1/go.mod" | head -n 1
}
minor=${version#1.}
declare -A ldflags=(
  [controlplane]="-s -w -X k8s.io/component-base/version.gitVersion=v$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=${minor%%.*}"
  [kwok]="-s -w"
  [containerd]="-s -w -X github.com/containerd/containerd/v2/version.Version=$(required containerd github.com/containerd/containerd/v2)"
  [helm]="-s -w -X helm.sh/helm/v4/internal/version.version=v$(required helm helm.sh/helm/v4)"
)
declare -A tags=([controlplane]="" [kwok]="" [containerd]="no_btrfs,no_devmapper,no_zfs" [helm]="")

# What each program is kept under: its name and the hash of everything that decides what is built.
digest() {
  sha256sum | cut -c1-16
}
declare -A files=() kept=()
for module in "${!ldflags[@]}"; do
  files[$module]=$(cat "$here/$module/go.mod" "$here/$module/go.sum" | digest)
done
for row in "${plan[@]}"; do
  read -r module name package _ <<<"$row"
  kept[$name]=$name-$(digest <<<"${files[$module]} $package $CGO_ENABLED $GOFLAGS ${tags[$module]} ${ldflags[$module]}")
done

store=$cache/bin/programs
bin=$cache/bin/$version-$(printf '%s\n' "${kept[@]}" | sort | digest)
complete=$bin/.complete

if [ "${1:-}" = --where ]; then
  printf '%s\n' "$bin"
  exit 0
fi
if [ -e "$complete" ]; then
  echo "test cluster programs are built: $bin"
  exit 0
fi

command -v go >/dev/null || fail "Go is not installed; the modules need $(sed -n 's/^go /Go /p' "$here/controlplane/go.mod") or later, from https://go.dev/dl/"

# Kubernetes' version stands in VERSION alone; go.mod follows it by update.sh and must not drift.
grep -q "k8s.io/kubernetes v$version\$" "$here/controlplane/go.mod" ||
  fail "controlplane/go.mod does not require k8s.io/kubernetes v$version as VERSION says; run hack/cluster/update.sh"
if drift=$(grep -E '^[[:space:]]*(replace )?k8s\.io/[a-z-]+ => ' "$here/controlplane/go.mod" | grep -v " v0.${version#1.}\$"); then
  fail "controlplane/go.mod replaces a staging module by another version than v0.${version#1.}; run hack/cluster/update.sh:"$'\n'"$drift"
fi

mkdir -p "$bin" "$store"
exec 9>"$cache/bin/.lock"
if ! flock -n 9; then
  echo "another build of the test cluster is under way; waiting for it"
  flock 9
fi
if [ -e "$complete" ]; then
  echo "test cluster programs are built: $bin"
  exit 0
fi

todo=0
estimate=0
for row in "${plan[@]}"; do
  read -r _ name _ seconds <<<"$row"
  [ -x "$store/${kept[$name]}" ] || { todo=$((todo + 1)); estimate=$((estimate + seconds)); }
done
echo "building $todo of ${#plan[@]} test cluster programs (Kubernetes $version) into $bin"
if [ "$todo" -gt 0 ]; then
  echo "from an empty Go build cache this takes about $(((estimate + 59) / 60)) minutes on two cores; later runs take less than a second"
fi

partial=
trap '[ -z "$partial" ] || rm -f "$partial"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

number=0
start=$SECONDS
for row in "${plan[@]}"; do
  read -r module name package _ <<<"$row"
  number=$((number + 1))
  if [ -x "$store/${kept[$name]}" ]; then
    printf '[%d/%d] %s is there\n' "$number" "${#plan[@]}" "$name"
  else
    printf '[%d/%d] %s ... ' "$number" "${#plan[@]}" "$name"
    began=$SECONDS
    partial=$store/.${kept[$name]}.partial
    (cd "$here/$module" && nice -n 10 go build -tags "${tags[$module]}" -ldflags "${ldflags[$module]}" -o "$partial" "$package") 9>&- ||
      fail "building $name failed; what is built stays, and the next run goes on with $name"
    mv "$partial" "$store/${kept[$name]}"
    partial=
    printf '%d s\n' "$((SECONDS - began))"
  fi
  # A hard link, so that a set is whole by itself.
  ln -f "$store/${kept[$name]}" "$bin/$name"
done
: >"$complete"
echo "test cluster programs are built in $((SECONDS - start)) s: $bin"
