//! Images in the layout of the Open Container Initiative: blobs by their digests, and an index over the architectures.

use std::{collections::BTreeMap, io::Write, path::Path};

use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};

use super::{Image, layer::append, sha256};
use crate::testbed::error::{TestbedError, write};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Writes the images as one archive and gives the digest of the index over them.
pub(super) fn write_archive(images: &[Image], archive: &Path) -> Result<String, TestbedError> {
    let first = images
        .first()
        .ok_or_else(|| TestbedError::Unsuitable(format!("{} would hold no image", archive.display())))?;
    let mut blobs = Blobs::default();
    let mut manifests = Vec::new();
    for image in images {
        manifests.push(manifest(image, &mut blobs)?);
    }
    let index = json!({
        "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests, "annotations": first.labels,
    });
    let mut entry = blobs.add(INDEX, index.to_string().into_bytes());
    let digest = text(&entry["digest"]);
    // By the tag skopeo finds it, by the name containerd.
    let tag = first.name.rsplit_once(':').map_or("latest", |(_, tag)| tag);
    entry["annotations"] =
        json!({"org.opencontainers.image.ref.name": tag, "io.containerd.image.name": full(&first.name)});
    let layout = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]});

    let mut tar = tar::Builder::new(Vec::new());
    let top = [
        ("oci-layout".to_owned(), json!({"imageLayoutVersion": "1.0.0"}).to_string().into_bytes()),
        ("index.json".to_owned(), layout.to_string().into_bytes()),
    ];
    let blobs = blobs.0.into_iter().map(|(hex, content)| (format!("blobs/sha256/{hex}"), content));
    for (path, content) in top.into_iter().chain(blobs) {
        append(&mut tar, path, 0o644, &content).map_err(TestbedError::io(first.attempt()))?;
    }
    write(archive, tar.into_inner().map_err(TestbedError::io(first.attempt()))?)?;
    Ok(digest)
}

/// The image's entry in an index; what it consists of is added to the blobs.
fn manifest(image: &Image, blobs: &mut Blobs) -> Result<Value, TestbedError> {
    let layer = image.layer()?;
    let config = image.config(&layer);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": blobs.add(CONFIG, config.to_string().into_bytes()),
        "layers": [blobs.add(LAYER, gzip(&layer).map_err(TestbedError::io(image.attempt()))?)],
        "annotations": image.labels,
    });
    let mut entry = blobs.add(MANIFEST, manifest.to_string().into_bytes());
    entry["platform"] = json!({"architecture": image.architecture, "os": "linux"});
    Ok(entry)
}

/// Contents by the hexadecimal digits of their digests.
#[derive(Default)]
struct Blobs(BTreeMap<String, Vec<u8>>);

// === impl Blobs ===

impl Blobs {
    /// Keeps a content and gives the descriptor that stands for it.
    fn add(&mut self, media_type: &str, content: Vec<u8>) -> Value {
        let hex = sha256(&content);
        let descriptor =
            json!({"mediaType": media_type, "digest": format!("sha256:{hex}"), "size": content.len()});
        self.0.insert(hex, content);
        descriptor
    }
}

/// With neither time nor name in its header, whatever machine it runs on.
fn gzip(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut out = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    out.write_all(content)?;
    out.finish()
}

/// The name as containerd keeps it: with its registry, which goes unsaid for Docker's own.
fn full(name: &str) -> String {
    match name.split_once('/') {
        Some((host, _)) if host == "localhost" || host.contains(['.', ':']) => name.to_owned(),
        Some(_) => format!("docker.io/{name}"),
        None => format!("docker.io/library/{name}"),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::full;

    #[test]
    fn a_name_without_a_registry_is_one_of_dockers() {
        assert_eq!(full("carnet-operator:1"), "docker.io/library/carnet-operator:1");
        assert_eq!(full("carnet/operator:1"), "docker.io/carnet/operator:1");
        assert_eq!(full("localhost:5000/operator:1"), "localhost:5000/operator:1");
        assert_eq!(full("registry.example.com/carnet/operator:1"), "registry.example.com/carnet/operator:1");
    }
}
