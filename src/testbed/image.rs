//! Container images without Docker: one layer with a few static binaries, as an archive that containerd and Docker load.
//!
//! The same files give the same bytes: nothing of the time, the user or the machine is in the archive.

use std::path::{Path, PathBuf};

use serde_json::json;
use sha2::{Digest, Sha256};

use super::error::{TestbedError, write};

/// An image to be written.
#[derive(Clone, Debug)]
pub struct Image {
    name: String,
    entrypoint: Vec<String>,
    user: String,
    files: Vec<(PathBuf, String)>,
}

// === impl Image ===

impl Image {
    /// An image of that name, with its tag, which runs this command as a user without rights.
    pub fn new(name: &str, entrypoint: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            entrypoint: entrypoint.iter().map(|&word| word.to_owned()).collect(),
            user: "65532:65532".to_owned(),
            files: Vec::new(),
        }
    }

    /// The same image with one more executable: where it is found, and its path in the image.
    #[must_use]
    pub fn file(mut self, source: &Path, path: &str) -> Self {
        self.files.push((source.to_owned(), path.trim_start_matches('/').to_owned()));
        self
    }

    /// The name with its tag.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes the image as a `docker-archive`.
    pub fn write(&self, archive: &Path) -> Result<(), TestbedError> {
        let failed = || format!("put together the image {}", self.name);
        let layer = self.layer()?;
        let config = json!({
            "architecture": architecture(),
            "os": "linux",
            "config": {"Entrypoint": self.entrypoint, "User": self.user, "Env": ["PATH=/bin"], "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", sha256(&layer))]},
        })
        .to_string();
        let config_name = format!("{}.json", sha256(config.as_bytes()));
        let manifest =
            json!([{"Config": config_name, "RepoTags": [self.name], "Layers": ["layer.tar"]}]).to_string();

        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in [
            (config_name.as_str(), config.as_bytes()),
            ("layer.tar", layer.as_slice()),
            ("manifest.json", manifest.as_bytes()),
        ] {
            append(&mut tar, name, 0o644, content).map_err(TestbedError::io(failed()))?;
        }
        write(archive, tar.into_inner().map_err(TestbedError::io(failed()))?)
    }

    fn layer(&self) -> Result<Vec<u8>, TestbedError> {
        let failed = || format!("put together the image {}", self.name);
        let mut tar = tar::Builder::new(Vec::new());
        let mut dirs: Vec<PathBuf> = vec!["tmp".into(), "etc".into()];
        let parents =
            self.files.iter().flat_map(|(_, path)| Path::new(path).ancestors().skip(1).map(Path::to_owned));
        dirs.extend(parents.filter(|dir| !dir.as_os_str().is_empty()));
        dirs.sort();
        dirs.dedup();
        for dir in &dirs {
            let mode = if dir == Path::new("tmp") { 0o1777 } else { 0o755 };
            let mut header = header(tar::EntryType::Directory, mode, 0);
            tar.append_data(&mut header, dir, std::io::empty()).map_err(TestbedError::io(failed()))?;
        }
        for (source, path) in &self.files {
            let content =
                std::fs::read(source).map_err(TestbedError::io(format!("read {}", source.display())))?;
            append(&mut tar, path, 0o755, &content).map_err(TestbedError::io(failed()))?;
        }
        tar.into_inner().map_err(TestbedError::io(failed()))
    }
}

fn append(tar: &mut tar::Builder<Vec<u8>>, name: &str, mode: u32, content: &[u8]) -> std::io::Result<()> {
    let mut header = header(tar::EntryType::Regular, mode, content.len() as u64);
    tar.append_data(&mut header, name, content)
}

fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
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
