#!/usr/bin/env bash
# Gets the programs that check the chart, once, into the cache outside the tree: helm-unittest from the pinned Go module
# beside this script, kubernetes-validate from the pinned packages of requirements.txt.
#
#   build.sh            get what is missing
#   build.sh --where    print the directory the programs belong in, and get nothing
#
# helm and kubectl come with the test cluster (hack/cluster/build.sh).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-${HOME:?HOME or XDG_CACHE_HOME must be set}/.cache}/carnet
# Everything that decides what is got; a change of it makes a new directory beside the old one.
set_of=$(cat "$here/unittest/go.mod" "$here/unittest/go.sum" "$here/requirements.txt" "$here/build.sh" | sha256sum | cut -c1-16)
bin=$cache/bin/chart-$set_of
complete=$bin/.complete

if [ "${1:-}" = --where ]; then
  printf '%s\n' "$bin"
  exit 0
fi
if [ -e "$complete" ]; then
  echo "the chart's programs are there: $bin"
  exit 0
fi

fail() {
  echo "hack/chart/build.sh: $*" >&2
  exit 1
}
command -v go >/dev/null || fail "Go is not installed; the module needs $(sed -n 's/^go /Go /p' "$here/unittest/go.mod") or later, from https://go.dev/dl/"
command -v python3 >/dev/null || fail "python3 is not installed (Debian: apt-get install python3 python3-venv)"

mkdir -p "$bin"
exec 9>"$cache/bin/.chart.lock"
flock 9
[ -e "$complete" ] && exit 0

if [ ! -x "$bin/untt" ]; then
  echo "building helm-unittest; from an empty Go build cache this takes about a minute on two cores"
  (cd "$here/unittest" &&
    CGO_ENABLED=0 GOWORK=off nice -n 10 go build -mod=readonly -trimpath -buildvcs=false -ldflags "-s -w" \
      -o "$bin/.untt.partial" github.com/helm-unittest/helm-unittest/cmd/helm-unittest) 9>&- || fail "building helm-unittest failed"
  mv "$bin/.untt.partial" "$bin/untt"
fi

# A virtual environment cannot be moved, so it is made where it stays, and counts only once it is complete.
echo "installing kubernetes-validate"
rm -rf "$bin/venv"
python3 -m venv "$bin/venv" 9>&- || fail "python3 cannot make a virtual environment (Debian: apt-get install python3-venv)"
"$bin/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement "$here/requirements.txt" 9>&- ||
  fail "installing kubernetes-validate failed"
ln -sf venv/bin/kubernetes-validate "$bin/kubernetes-validate"
: >"$complete"
echo "the chart's programs are there: $bin"
