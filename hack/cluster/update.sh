#!/usr/bin/env bash
# Makes the control plane's Go module follow the version in VERSION; run it after changing that line and commit the result.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=$(<"$here/VERSION")
cd "$here/controlplane"
export GOWORK=off GOFLAGS=-mod=mod

# Kubernetes takes its staging modules from directories of its own repository; whoever requires it has to name the
# published module of the same version for each.
dir=$(go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",$/\1/p')
sed -n 's,^[[:space:]]*\(k8s\.io/[a-z-]*\) => \./staging.*$,\1,p' "$dir/go.mod" | sort -u | while read -r module; do
  go mod edit -replace "$module=$module@v0.${version#1.}"
done
go get "k8s.io/kubernetes@v$version"
go mod tidy
