#!/usr/bin/env bash
# What an earlier commit consists of and builds, for the test of an upgrade. Prints a directory:
#
#   earlier.sh tree COMMIT                  its files
#   earlier.sh programs TREE PROFILE_DIR    its operator and eraser, built as those in PROFILE_DIR were
#
# Files stay in the cache, outside this tree (whose cargo configuration would otherwise hold for them too) and each
# commit's at a place of their own, for cargo goes by paths and times. Dependencies that both have in common are linked from
# PROFILE_DIR, so that only what the commit itself consists of is compiled: two minutes in place of seven. The target directory
# is another all the same, since cargo would put the earlier programs over this build's.
set -euo pipefail

trees=${XDG_CACHE_HOME:-${HOME:?HOME or XDG_CACHE_HOME must be set}/.cache}/carnet/earlier

if [ "$1" = tree ]; then
  tree=$trees/$2
  if [ ! -d "$tree" ]; then
    mkdir -p "$trees"
    part=$(mktemp -d "$trees/.part.XXXXXX")
    git archive --format=tar "$2" | tar -xf - -C "$part"
    mv -T "$part" "$tree" 2>/dev/null || rm -rf "$part"
  fi
  printf '%s\n' "$tree"
  exit 0
fi

tree=$2 built=$3
triple=$(basename "$(dirname "$built")")
profile=$(basename "$built")
target=$(cd "$built/../.." && pwd)
own=$target/earlier

# Libraries are links and never written again by cargo, which removes a file before it makes it anew; the records of
# what they were made from are written in place, hence copies.
for place in "$triple/$profile" "$profile"; do
  [ ! -d "$own/$place" ] && [ -d "$target/$place/deps" ] || continue
  mkdir -p "$own/$place.part/deps"
  find "$target/$place/deps" -maxdepth 1 -name 'lib*' ! -name 'libcarnet*' -print0 |
    xargs -0r cp -al -t "$own/$place.part/deps"
  cp -a "$target/$place/build" "$target/$place/.fingerprint" "$own/$place.part/"
  rm -rf "$own/$place.part"/.fingerprint/carnet-*
  mv "$own/$place.part" "$own/$place"
done

options=()
[ "$profile" = debug ] || options+=(--profile "$profile")
cd "$tree"
CARGO_TARGET_DIR=$own cargo build --quiet --locked --all-features "${options[@]}" \
  --bin carnet-operator --bin carnet-eraser >&2
printf '%s\n' "$own/$triple/$profile"
