#!/usr/bin/env bash
# Builds the release executables, static and with the list of their crates inside, so that two builds in different
# directories give the same bytes.
#
#   binaries.sh DIR ARCH...    into DIR/ARCH/, for amd64 and arm64; PROGRAMS names some alone
#
# Static glibc for both, as in everything that tests run (docs/adr/0007): musl's allocator serialises threads.
set -euo pipefail
umask 022
export LC_ALL=C TZ=UTC

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=$(cd "$here/../.." && pwd -P)
output=${1:?a directory}
shift
tools=$("$here/tools.sh" --where)
cargo_home=$(cd "${CARGO_HOME:-$HOME/.cargo}" && pwd -P)
export CARGO_HOME=$cargo_home
cd "$tree"
# Not that of tests and benches: other flags would have each compile everything anew for the other.
target_dir=${CARNET_IMAGES_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/carnet/images/target}
mkdir -p "$target_dir" "$output"
target_dir=$(cd "$target_dir" && pwd -P)
output=$(cd "$output" && pwd)

fail() {
  echo "hack/images/binaries.sh: $*" >&2
  exit 1
}

for path in "$tree" "$cargo_home" "$target_dir"; do
  [[ $path != *[[:space:]]* ]] || fail "$path: a path with a space cannot be told to rustc here"
done

sysroot=$(rustc --print sysroot)
commit=$(rustc -vV | sed -n 's/^commit-hash: //p')
# What names this machine's directories in panics' places; the last one that fits is taken.
remap=(
  "--remap-path-prefix=$sysroot/lib/rustlib/src/rust=/rustc/$commit"
  "--remap-path-prefix=$cargo_home=/cargo"
  "--remap-path-prefix=$tree=/carnet"
  "--remap-path-prefix=$target_dir=/target"
)
# Variables that would replace the flags of .cargo/config.toml instead of joining them.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER CARGO_BUILD_TARGET
export CARGO_INCREMENTAL=0 PATH=$tools:$PATH

for arch in "$@"; do
  case $arch in
    amd64) machine=x86_64 ;;
    arm64) machine=aarch64 ;;
    *) fail "$arch: neither amd64 nor arm64" ;;
  esac
  target=$machine-unknown-linux-gnu
  name=${target^^}
  name=${name//-/_}
  export "CARGO_TARGET_${name}_RUSTFLAGS=${remap[*]}"
  # The little that is C and assembly (ring).
  export "CFLAGS_${target//-/_}=-ffile-prefix-map=$cargo_home=/cargo -ffile-prefix-map=$target_dir=/target"
  if [ "$machine" != "$(uname -m)" ]; then
    export "CARGO_TARGET_${name}_LINKER=$machine-linux-gnu-gcc" "CC_${target//-/_}=$machine-linux-gnu-gcc"
  fi
  mkdir -p "$output/$arch"
  # Each with its own features alone: no database driver in the operator.
  for row in carnet-operator:operator carnet-eraser:eraser kubectl-carnet:plugin; do
    program=${row%:*}
    if [ -n "${PROGRAMS:-}" ] && [[ " $PROGRAMS " != *" $program "* ]]; then continue; fi
    echo "building $program for $arch"
    cargo auditable build --quiet --locked --release --target "$target" --target-dir "$target_dir" \
      --no-default-features --features "${row#*:}" --bin "$program"
    install -m 0755 "$target_dir/$target/release/$program" "$output/$arch/$program"
  done
done
