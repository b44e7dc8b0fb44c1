//! Container images without Docker: one layer with a few static binaries, as an archive that containerd, Docker, podman and
//! skopeo load. The images of a release and those of tests are written here alike; they differ in what stands in them.
//!
//! The same files give the same bytes: nothing of the time, the user or the machine is in the archive.

mod elf;
mod layer;
mod oci;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use self::layer::{Entry, append, layer};
use super::error::{TestbedError, write};

/// An image to be written.
#[derive(Clone, Debug)]
pub struct Image {
    name: String,
    entrypoint: Vec<String>,
    user: String,
    architecture: String,
    created: Option<Timestamp>,
    labels: BTreeMap<String, String>,
    writable_tmp: bool,
    files: Vec<Entry>,
}

// === impl Image ===

impl Image {
    /// An image of that name, with its tag, for this machine's architecture, which runs this command as a user without
    /// rights.
    pub fn new(name: &str, entrypoint: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            entrypoint: entrypoint.iter().map(|&word| word.to_owned()).collect(),
            user: "65532:65532".to_owned(),
            architecture: architecture().to_owned(),
            created: None,
            labels: BTreeMap::new(),
            writable_tmp: true,
            files: Vec::new(),
        }
    }

    /// The same image with one more executable: where it is found, and its path in the image.
    #[must_use]
    pub fn file(self, source: &Path, path: &str) -> Self {
        self.entry(source, path, 0o755)
    }

    /// The same image with one more file that is only read: where it is found, and its path in the image.
    #[must_use]
    pub fn document(self, source: &Path, path: &str) -> Self {
        self.entry(source, path, 0o644)
    }

    /// The same image for that architecture, by the name that images use: `amd64`, `arm64`.
    #[must_use]
    pub fn architecture(mut self, name: &str) -> Self {
        name.clone_into(&mut self.architecture);
        self
    }

    /// The same image, said to be made at that time. Files in it have none whatever is said here.
    #[must_use]
    pub fn created(mut self, time: Timestamp) -> Self {
        self.created = Some(time);
        self
    }

    /// The same image with one more label.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The same image without `/tmp`, so that nothing in it may be written by its user.
    #[must_use]
    pub fn without_tmp(mut self) -> Self {
        self.writable_tmp = false;
        self
    }

    /// The name with its tag.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes the image as a `docker-archive`.
    pub fn write(&self, archive: &Path) -> Result<(), TestbedError> {
        let layer = self.layer()?;
        let config = self.config(&layer).to_string();
        let config_name = format!("{}.json", sha256(config.as_bytes()));
        let manifest =
            json!([{"Config": config_name, "RepoTags": [self.name], "Layers": ["layer.tar"]}]).to_string();

        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in [
            (config_name.as_str(), config.as_bytes()),
            ("layer.tar", layer.as_slice()),
            ("manifest.json", manifest.as_bytes()),
        ] {
            append(&mut tar, name, 0o644, content).map_err(TestbedError::io(self.attempt()))?;
        }
        write(archive, tar.into_inner().map_err(TestbedError::io(self.attempt()))?)
    }

    /// Writes images of one name, one for each architecture, as an `oci-archive` with an index over them, and gives the
    /// index's digest, which is the one that a registry will know it by.
    pub fn write_oci(images: &[Self], archive: &Path) -> Result<String, TestbedError> {
        oci::write_archive(images, archive)
    }

    fn entry(mut self, source: &Path, path: &str, mode: u32) -> Self {
        let path = PathBuf::from(path.trim_start_matches('/'));
        self.files.push(Entry { source: source.to_owned(), path, mode });
        self
    }

    fn attempt(&self) -> String {
        format!("put together the image {} for {}", self.name, self.architecture)
    }

    fn layer(&self) -> Result<Vec<u8>, TestbedError> {
        layer(&self.files, &self.architecture, self.writable_tmp, &self.attempt())
    }

    /// What the image says of itself, given its layer as it is before it is compressed.
    fn config(&self, layer: &[u8]) -> Value {
        let mut config = json!({
            "architecture": self.architecture,
            "os": "linux",
            "config": {"Entrypoint": self.entrypoint, "User": self.user, "Env": ["PATH=/bin"], "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", sha256(layer))]},
        });
        if !self.labels.is_empty() {
            config["config"]["Labels"] = json!(self.labels);
        }
        if let Some(created) = self.created {
            config["created"] = json!(created.to_string());
        }
        config
    }
}

/// This machine's architecture, by the name that images use.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}
