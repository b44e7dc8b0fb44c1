"""Makes a bill of materials that is the same whenever and wherever it is made, and says what cargo knows of each crate.

    syft scan file:PROGRAM -o cyclonedx-json@1.6 | sbom.py PROGRAM METADATA LOCK

syft reads the list of crates that the program carries. From that stay the crates and who needs whom; the random serial number
becomes one of the program's digest, the time becomes SOURCE_DATE_EPOCH, and from `cargo metadata` (a file) and Cargo.lock come
licences, sources and checksums. Standard library only.
"""

import datetime
import hashlib
import json
import os
import re
import sys
import uuid

program, metadata, lock = sys.argv[1:]
bom = json.load(sys.stdin)
name = os.path.basename(program)
with open(program, "rb") as file:
    digest = hashlib.sha256(file.read()).hexdigest()
with open(metadata, encoding="utf-8") as file:
    known = {(crate["name"], crate["version"]): crate for crate in json.load(file)["packages"]}
with open(lock, encoding="utf-8") as file:
    locked = r'name = "(.*)"\nversion = "(.*)"\nsource = ".*"\nchecksum = "(.*)"'
    checksums = {(crate, version): checksum for crate, version, checksum in re.findall(locked, file.read())}

found = [part for part in bom["components"] if part.get("purl", "").startswith("pkg:cargo/")]
ours = [part for part in found if known.get((part["name"], part["version"]), {"source": "elsewhere"})["source"] is None]
if len(ours) != 1:
    sys.exit(f"sbom.py: {program} does not say what it is made of: was it built by cargo auditable?")
refs = {part["bom-ref"]: part["purl"] for part in found}


def component(part):
    """A crate, with what cargo knows of it."""
    key = (part["name"], part["version"])
    crate = known.get(key)
    if crate is None:
        sys.exit(f"sbom.py: {program} holds {key[0]} {key[1]}, which Cargo.lock does not name")
    made = {"bom-ref": part["purl"], "type": "library", "name": key[0], "version": key[1], "purl": part["purl"]}
    if key in checksums:
        made["hashes"] = [{"alg": "SHA-256", "content": checksums[key]}]
    if crate.get("license"):
        # Older crates write a slash where SPDX has OR.
        made["licenses"] = [{"expression": re.sub(r"\s*/\s*", " OR ", crate["license"])}]
    if crate.get("repository"):
        made["externalReferences"] = [{"type": "vcs", "url": crate["repository"]}]
    return made


root = component(ours[0])
root["type"] = "application"
root["name"] = name
root["hashes"] = [{"alg": "SHA-256", "content": digest}]
when = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
result = {
    "$schema": bom["$schema"],
    "bomFormat": "CycloneDX",
    "specVersion": bom["specVersion"],
    "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}",
    "version": 1,
    "metadata": {
        "timestamp": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "tools": bom["metadata"]["tools"],
        "component": root,
    },
    "components": sorted((component(part) for part in found if part is not ours[0]), key=lambda part: part["purl"]),
    "dependencies": sorted(
        (
            {"ref": refs[need["ref"]], "dependsOn": sorted(refs[ref] for ref in need.get("dependsOn", []) if ref in refs)}
            for need in bom.get("dependencies", [])
            if need["ref"] in refs
        ),
        key=lambda need: need["ref"],
    ),
}
json.dump(result, sys.stdout, indent=1, ensure_ascii=False)
sys.stdout.write("\n")
