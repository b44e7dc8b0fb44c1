#!/usr/bin/env bash
# Whether the release images can be made again: builds them, then a second time from a copy of the tree in another directory,
# with another target directory, another home of cargo and no use of the network, and compares every file.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=$(cd "$here/../.." && pwd -P)
cache=${XDG_CACHE_HOME:-${HOME:?HOME or XDG_CACHE_HOME must be set}/.cache}/carnet/images
first=$("$here/build.sh" --where)

cd "$tree"
"$here/build.sh"

# Longer and deeper than anything that the first build saw.
again=$cache/again/another/directory/than/the/first
rm -rf "$cache/again"
mkdir -p "$again/tree" "$again/cargo/registry"
trap 'rm -rf "$cache/again"' EXIT
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  [ ! -e "$file" ] || printf '%s\0' "$file"
done | xargs -0 cp --parents -t "$again/tree"
home=${CARGO_HOME:-$HOME/.cargo}
# What was downloaded may be used again; what was unpacked from it may not.
for part in cache index; do cp -a "$home/registry/$part" "$again/cargo/registry/"; done

REVISION=$(git rev-parse HEAD)
[ -z "$(git status --porcelain)" ] || REVISION+=-dirty
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
# The images are put together by the same program; that it does so alike is a test of its own (tests/testbed/image.rs).
CARNET_TESTBED=$(cargo build --quiet --locked --all-features --example testbed --message-format json-render-diagnostics |
  sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
export REVISION SOURCE_DATE_EPOCH CARNET_TESTBED
CARGO_NET_OFFLINE=true CARGO_HOME=$again/cargo CARNET_IMAGES_TARGET_DIR=$again/target "$again/tree/hack/images/build.sh" "$again/out"

if ! diff "$first/SHA256SUMS" "$again/out/SHA256SUMS"; then
  echo "hack/images/check.sh: two builds of one tree differ; the files are named above" >&2
  exit 1
fi
echo "two builds in different directories gave the same $(wc -l <"$first/SHA256SUMS") files"
