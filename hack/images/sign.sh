#!/usr/bin/env bash
# Signs the images that `make images` has built with a key of this moment, attests their bills of materials, and verifies both
# as a user would, against a registry on loopback: shows that the commands of docs/images.md hold, and that a wrong key, another
# image and a changed bill are refused. Nothing leaves the machine and nothing is kept.
#
#   sign.sh            do it (the first time builds cosign and crane: about four minutes on two cores)
#   sign.sh --tools    build those two, and print where they are
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-${HOME:?HOME or XDG_CACHE_HOME must be set}/.cache}/carnet/images
bin=$cache/tools/cosign-$(cat "$here/cosign/go.mod" "$here/cosign/go.sum" | sha256sum | cut -c1-16)

fail() {
  echo "hack/images/sign.sh: $*" >&2
  exit 1
}

command -v go >/dev/null || fail "Go is not installed: https://go.dev/dl/"
mkdir -p "$bin"
for package in github.com/google/go-containerregistry/cmd/crane github.com/sigstore/cosign/v3/cmd/cosign; do
  program=$bin/${package##*/}
  [ -x "$program" ] && continue
  echo "building ${package##*/}" >&2
  (cd "$here/cosign" && CGO_ENABLED=0 GOWORK=off GOFLAGS="-mod=readonly -trimpath -buildvcs=false" \
    nice -n 10 go build -ldflags "-s -w" -o "$program.partial" "$package")
  mv "$program.partial" "$program"
done
if [ "${1:-}" = --tools ]; then
  printf '%s\n' "$bin"
  exit 0
fi
PATH=$bin:$PATH

built=$("$here/build.sh" --where)
[ -e "$built/digests" ] || fail "nothing is built yet: make images"
scratch=$(mktemp -d)
registry=
trap '[ -z "$registry" ] || kill "$registry"; rm -rf "$scratch"' EXIT
crane registry serve --address 127.0.0.1:0 >"$scratch/registry.log" 2>&1 &
registry=$!
host=
for _ in $(seq 100); do
  host=$(sed -n 's/.*serving on port \([0-9]*\).*/127.0.0.1:\1/p' "$scratch/registry.log")
  [ -z "$host" ] || break
  sleep 0.1
done
[ -n "$host" ] || fail "the registry did not start: $(cat "$scratch/registry.log")"

export COSIGN_PASSWORD=of-this-moment
cd "$scratch"
cosign generate-key-pair >/dev/null 2>&1
mkdir other
(cd other && cosign generate-key-pair >/dev/null 2>&1)
# Without the public log and the public time-stamps, which need the network.
offline_sign=(--use-signing-config=false --tlog-upload=false --allow-http-registry --yes)
offline_verify=(--insecure-ignore-tlog --allow-http-registry)
refused() {
  local what=$1
  shift
  if "$@" >"$scratch/log" 2>&1; then fail "$what was believed"; fi
  echo "refused: $what"
}

while IFS=@ read -r name digest <&3; do
  image=${name%:*} version=${name##*:}
  image=${image##*/}
  layout=$scratch/$image
  mkdir -p "$layout"
  tar -xf "$built/$image-$version.oci.tar" -C "$layout"
  crane push --insecure "$layout" "$host/carnet/$image:$version" >/dev/null 2>&1
  reference=$host/carnet/$image@$digest
  # The digest that was built is the one that the registry has.
  [ "$(crane digest --insecure "$host/carnet/$image:$version")" = "$digest" ] || fail "$image has another digest in the registry"

  cosign sign --recursive --key cosign.key "${offline_sign[@]}" "$reference" >log 2>&1 || fail "sign: $(cat log)"
  cosign verify --key cosign.pub "${offline_verify[@]}" "$reference" >log 2>&1 || fail "verify: $(cat log)"
  for dir in "$built"/sbom/*/; do
    arch=$(basename "$dir")
    of_arch=$host/carnet/$image@$(crane digest --insecure --platform "linux/$arch" "$reference")
    sbom=$dir$image.cdx.json
    cosign attest --key cosign.key "${offline_sign[@]}" --type cyclonedx --predicate "$sbom" "$of_arch" >log 2>&1 ||
      fail "attest: $(cat log)"
    cosign verify-attestation --key cosign.pub "${offline_verify[@]}" --type cyclonedx "$of_arch" >attested 2>log ||
      fail "verify-attestation: $(cat log)"
    python3 - "$sbom" attested <<'PYTHON' || fail "$image for $arch: what is attested is not the bill of materials"
import base64, json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    bill = json.load(file)
with open(sys.argv[2], encoding="utf-8") as file:
    envelope = json.loads(file.readline())
statement = json.loads(base64.b64decode(envelope.get("payload") or envelope["dsseEnvelope"]["payload"]))
sys.exit(statement["predicate"] != bill)
PYTHON
    # The bill in the image is the one beside it.
    crane export --insecure "$of_arch" - | tar -xO "usr/share/sbom/$image.cdx.json" | cmp - "$sbom"
  done
  echo "signed, attested and verified: $image:$version@$digest"
  refused "$image by another key" cosign verify --key other/cosign.pub "${offline_verify[@]}" "$reference"
done 3<"$built/digests"

# An image that nobody signed.
echo changed >changed
unsigned=$(crane append --insecure --base "$reference" --new_layer <(tar -c changed) --new_tag "$host/carnet/changed:1" --platform "linux/$arch" 2>/dev/null)
refused "a changed image" cosign verify --key cosign.pub "${offline_verify[@]}" "$unsigned"
