#!/usr/bin/env bash
# Builds the programs of the test cluster, once, from the pinned Go modules beside this script into a cache outside the tree.
#
#   build.sh            build what is missing
#   build.sh --where    print the directory the programs belong in, and build nothing
#
# The directory's name is a hash of everything that decides what is built, so that a change of version builds beside the
# old programs and a second run has nothing to do. Interrupt it at any time: a program appears under its name only when
# it is whole, and the next run goes on from there.
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
)

key=$(cd "$here" && sha256sum VERSION build.sh ./*/go.mod ./*/go.sum | sha256sum | cut -c1-16)
bin=$cache/bin/$version-$key
complete=$bin/.complete

if [ "${1:-}" = --where ]; then
  printf '%s\n' "$bin"
  exit 0
fi
if [ -e "$complete" ]; then
  echo "test cluster programs are built: $bin"
  exit 0
fi

fail() {
  echo "hack/cluster/build.sh: $*" >&2
  exit 1
}

command -v go >/dev/null || fail "Go is not installed; the modules need $(sed -n 's/^go /Go /p' "$here/controlplane/go.mod") or later, from https://go.dev/dl/"

# Kubernetes' version stands in VERSION alone; go.mod follows it by update.sh and must not drift.
grep -q "k8s.io/kubernetes v$version\$" "$here/controlplane/go.mod" ||
  fail "controlplane/go.mod does not require k8s.io/kubernetes v$version as VERSION says; run hack/cluster/update.sh"
if drift=$(grep -E '^[[:space:]]*(replace )?k8s\.io/[a-z-]+ => ' "$here/controlplane/go.mod" | grep -v " v0.${version#1.}\$"); then
  fail "controlplane/go.mod replaces a staging module by another version than v0.${version#1.}; run hack/cluster/update.sh:"$'\n'"$drift"
fi

mkdir -p "$bin"
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
  [ -x "$bin/$name" ] || { todo=$((todo + 1)); estimate=$((estimate + seconds)); }
done
echo "building $todo of ${#plan[@]} test cluster programs (Kubernetes $version) into $bin"
echo "from an empty Go build cache this takes about $(((estimate + 59) / 60)) minutes on two cores; later runs take less than a second"

partial=
trap '[ -z "$partial" ] || rm -f "$partial"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

export CGO_ENABLED=0 GOFLAGS="-mod=readonly -trimpath -buildvcs=false" GOWORK=off
minor=${version#1.}
kubernetes="-X k8s.io/component-base/version.gitVersion=v$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=${minor%%.*}"
containerd="-X github.com/containerd/containerd/v2/version.Version=$(sed -n 's,^.*github.com/containerd/containerd/v2 v\([^ ]*\).*$,\1,p' "$here/containerd/go.mod" | head -n 1)"

number=0
start=$SECONDS
for row in "${plan[@]}"; do
  read -r module name package _ <<<"$row"
  number=$((number + 1))
  if [ -x "$bin/$name" ]; then
    printf '[%d/%d] %s is there\n' "$number" "${#plan[@]}" "$name"
    continue
  fi
  ldflags="-s -w"
  tags=
  case $module in
    controlplane) ldflags="$ldflags $kubernetes" ;;
    containerd) ldflags="$ldflags $containerd" tags=no_btrfs,no_devmapper,no_zfs ;;
  esac
  printf '[%d/%d] %s ... ' "$number" "${#plan[@]}" "$name"
  began=$SECONDS
  partial=$bin/.$name.partial
  (cd "$here/$module" && nice -n 10 go build -tags "$tags" -ldflags "$ldflags" -o "$partial" "$package") 9>&- ||
    fail "building $name failed; what is built stays, and the next run goes on with $name"
  mv "$partial" "$bin/$name"
  partial=
  printf '%d s\n' "$((SECONDS - began))"
done
: >"$complete"
echo "test cluster programs are built in $((SECONDS - start)) s: $bin"
