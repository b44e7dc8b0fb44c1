#!/usr/bin/env bash
# Builds the release images, without a container engine. Into a directory (the cache's, if none is given):
#
#   bin/ARCH/PROGRAM             static executables: carnet-operator, carnet-eraser, kubectl-carnet
#   sbom/ARCH/PROGRAM.cdx.json   what each consists of
#   IMAGE-VERSION.oci.tar        an image as an oci-archive, over all architectures
#   IMAGE-VERSION-ARCH.tar       the same image as a docker-archive
#   digests, SHA256SUMS          of the images and of every file
#
#   build.sh [DIR]          for this machine's architecture, and for the other one where it can be built
#   build.sh --where        print the cache's directory, and build nothing
#
# ARCHES="amd64 arm64" insists on both, PROGRAMS="carnet-operator" makes that one alone, IMAGE_PREFIX goes before the images'
# names. REVISION and SOURCE_DATE_EPOCH stand in for git where there is none.
set -euo pipefail
umask 022
export LC_ALL=C TZ=UTC

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=$(cd "$here/../.." && pwd -P)
default=${XDG_CACHE_HOME:-${HOME:?HOME or XDG_CACHE_HOME must be set}/.cache}/carnet/images/out
if [ "${1:-}" = --where ]; then
  printf '%s\n' "$default"
  exit 0
fi
output=${1:-$default}
# Before the images' names: registry.example.com/carnet/
prefix=${IMAGE_PREFIX:-}
declare -A descriptions=(
  [carnet-operator]="Carnet's operator: enforces where personal data may go and how long it may stay"
  [carnet-eraser]="Carnet's runner: deletes in a store what an approved plan names"
)

fail() {
  echo "hack/images/build.sh: $*" >&2
  exit 1
}

cd "$tree"
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
if [ -z "${REVISION:-}" ]; then
  REVISION=$(git rev-parse HEAD) || fail "this is no checkout of git; say REVISION and SOURCE_DATE_EPOCH"
  # What is built from uncommitted files is not that revision.
  [ -z "$(git status --porcelain)" ] || REVISION+=-dirty
fi
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

# The other architecture needs the target's standard library and a linker with glibc's static archive.
reaches() {
  [ "$1" = "$(uname -m)" ] ||
    { [ -d "$(rustc --print sysroot)/lib/rustlib/$1-unknown-linux-gnu" ] && command -v "$1-linux-gnu-gcc" >/dev/null; }
}
arches=()
for row in amd64:x86_64 arm64:aarch64; do
  arch=${row%:*} machine=${row#*:}
  if [ -n "${ARCHES:-}" ] && [[ " $ARCHES " != *" $arch "* ]]; then continue; fi
  if reaches "$machine"; then
    arches+=("$arch")
    continue
  fi
  remedy="rustup target add $machine-unknown-linux-gnu; on Debian also gcc-${machine//_/-}-linux-gnu and libc6-dev-$arch-cross"
  [ -z "${ARCHES:-}" ] || fail "$arch cannot be built here: $remedy"
  echo "not for $arch, which cannot be built here: $remedy" >&2
done
[ ${#arches[@]} -gt 0 ] || fail "nothing to build for: ARCHES is '${ARCHES:-}'"

"$here/tools.sh"
tools=$("$here/tools.sh" --where)
mkdir -p "$output"
output=$(cd "$output" && pwd)
# What an earlier build left, and nothing else that may stand there.
rm -rf "$output"/{bin,sbom,LICENSE,digests,SHA256SUMS} "$output"/carnet-{operator,eraser}-*.tar
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$here/binaries.sh" "$output/bin" "${arches[@]}"

cargo metadata --locked --format-version 1 >"$scratch/metadata.json"
for arch in "${arches[@]}"; do
  mkdir -p "$output/sbom/$arch"
  for program in "$output/bin/$arch"/*; do
    sbom=$output/sbom/$arch/$(basename "$program").cdx.json
    SYFT_CHECK_FOR_APP_UPDATE=false "$tools/syft" scan --quiet "file:$program" -o cyclonedx-json@1.6 |
      python3 "$here/sbom.py" "$program" "$scratch/metadata.json" Cargo.lock >"$sbom"
  done
done
install -m 0644 LICENSE "$output/LICENSE"

# The writer of images is the one that tests use, built as they build it, unless one is given.
testbed=${CARNET_TESTBED:-}
if [ -z "$testbed" ]; then
  testbed=$(cargo build --quiet --locked --all-features --example testbed --message-format json-render-diagnostics |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
fi
for image in carnet-operator carnet-eraser; do
  [ -e "$output/bin/${arches[0]}/$image" ] || continue
  common=(
    image --name "$prefix$image:$version" --without-tmp
    --document "/usr/share/sbom/$image.cdx.json=$output/sbom/{arch}/$image.cdx.json"
    --document "/usr/share/doc/carnet/LICENSE=$output/LICENSE"
    --label "org.opencontainers.image.title=$image"
    --label "org.opencontainers.image.description=${descriptions[$image]}"
    --label "org.opencontainers.image.version=$version"
    --label "org.opencontainers.image.revision=$REVISION"
    --label "org.opencontainers.image.source=https://github.com/carnet-dev/carnet"
    --label "org.opencontainers.image.licenses=Apache-2.0"
  )
  digest=$("$testbed" "${common[@]}" --oci "${arches[@]/#/--arch=}" \
    --output "$output/$image-$version.oci.tar" "$output/bin/{arch}/$image")
  echo "$prefix$image:$version@$digest" >>"$output/digests"
  for arch in "${arches[@]}"; do
    "$testbed" "${common[@]}" "--arch=$arch" --output "$output/$image-$version-$arch.tar" "$output/bin/{arch}/$image"
  done
done
(cd "$output" && find . -type f ! -name SHA256SUMS -printf '%P\0' | sort -z | xargs -0 sha256sum >SHA256SUMS)
echo "images are in $output:"
cat "$output/digests"
