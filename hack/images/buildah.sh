#!/usr/bin/env bash
# Builds the images once more with buildah from the Containerfile, without network, out of what `make images` has built, and
# compares them with those: the same files with the same contents, modes and owners, and the same configuration.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=$(cd "$here/../.." && pwd -P)
built=$("$here/build.sh" --where)

fail() {
  echo "hack/images/buildah.sh: $*" >&2
  exit 1
}

for program in buildah skopeo; do
  command -v "$program" >/dev/null || fail "$program is not installed (Debian: apt-get install buildah skopeo)"
done
[ -e "$built/SHA256SUMS" ] || fail "nothing is built yet: make images"
(cd "$built" && sha256sum --check --quiet SHA256SUMS)

scratch=$(mktemp -d)
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
storage=(--root "$scratch/root" --runroot "$scratch/run")
trap 'rm -rf "$scratch"' EXIT
# Nothing is signed and nothing is fetched here; Debian brings no policy of its own.
echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$scratch/policy.json"

# The files of an image and what it says of itself, from its layout: one line for each, without times.
look() {
  python3 - "$1" <<'PYTHON'
import gzip, hashlib, io, json, sys, tarfile
layout = sys.argv[1]
def blob(descriptor):
    with open(f"{layout}/blobs/{descriptor['digest'].replace(':', '/')}", "rb") as file:
        return file.read()
with open(f"{layout}/index.json", encoding="utf-8") as file:
    manifest = json.loads(blob(json.load(file)["manifests"][0]))
config = json.loads(blob(manifest["config"]))
print("platform", config["os"], config["architecture"])
print("created", config["created"][:19])
for key, value in sorted(config["config"].items()):
    if isinstance(value, dict):
        value = {name: text for name, text in value.items() if not name.startswith("io.buildah.")}
    print("config", key, json.dumps(value, sort_keys=True))
for layer in manifest["layers"]:
    content = blob(layer)
    content = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    with tarfile.open(fileobj=io.BytesIO(content)) as files:
        for file in sorted(files, key=lambda file: file.name.strip("/")):
            if file.isfile():
                digest = hashlib.sha256(files.extractfile(file).read()).hexdigest()
                print("file", file.name.strip("/"), oct(file.mode & 0o7777), file.uid, file.gid, digest)
PYTHON
}

while IFS=@ read -r name _ <&3; do
  version=${name##*:} image=${name%:*}
  image=${image##*/}
  archive=$built/$image-$version.oci.tar
  for dir in "$built"/bin/*/; do
    arch=$(basename "$dir")
    ours=$scratch/ours theirs=$scratch/theirs
    rm -rf "$ours" "$theirs"
    skopeo --policy "$scratch/policy.json" --override-arch "$arch" copy --quiet "oci-archive:$archive:$version" "oci:$ours:$version"
    revision=$(skopeo --override-arch "$arch" inspect --config "oci:$ours:$version" |
      python3 -c 'import json, sys; print(json.load(sys.stdin)["config"]["Labels"]["org.opencontainers.image.revision"])')
    created=$(skopeo --override-arch "$arch" inspect --config "oci:$ours:$version" |
      python3 -c 'import datetime, json, sys; print(int(datetime.datetime.fromisoformat(json.load(sys.stdin)["created"].replace("Z", "+00:00")).timestamp()))')
    # In a network of its own, which holds nothing.
    unshare --net buildah "${storage[@]}" bud --quiet --signature-policy "$scratch/policy.json" --layers=false --format oci \
      --platform "linux/$arch" --timestamp "$created" --target "${image#carnet-}" \
      --build-arg "ARCH=$arch" --build-arg "VERSION=$version" --build-arg "REVISION=$revision" \
      --tag "$image:$version" --file "$tree/Containerfile" "$built" >"$scratch/log" 2>&1 ||
      fail "buildah could not build $image for $arch: $(tail -n 20 "$scratch/log")"
    buildah "${storage[@]}" push --quiet --signature-policy "$scratch/policy.json" "$image:$version" "oci:$theirs:$version" >/dev/null
    diff <(look "$ours") <(look "$theirs") || fail "$image for $arch is not the same from the Containerfile; see above"
    echo "$image:$version for $arch: buildah builds the same files and configuration"
  done
done 3<"$built/digests"
