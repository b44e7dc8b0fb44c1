//! The one layer of an image: its files and their directories, owned by root and of no time.

use std::path::{Path, PathBuf};

use super::elf;
use crate::testbed::error::TestbedError;

/// A file of an image.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Where it is found.
    pub source: PathBuf,
    /// Its path in the image, from the root.
    pub path: PathBuf,
    /// What may be done with it.
    pub mode: u32,
}

/// The layer as a tar archive.
pub(super) fn layer(
    files: &[Entry],
    architecture: &str,
    writable_tmp: bool,
    attempt: &str,
) -> Result<Vec<u8>, TestbedError> {
    let mut tar = tar::Builder::new(Vec::new());
    // Runtimes mount files of their own below `etc`.
    let mut dirs: Vec<PathBuf> = vec!["etc".into()];
    dirs.extend(writable_tmp.then(|| "tmp".into()));
    let parents = files.iter().flat_map(|file| file.path.ancestors().skip(1).map(Path::to_owned));
    dirs.extend(parents.filter(|dir| !dir.as_os_str().is_empty()));
    dirs.sort();
    dirs.dedup();
    for dir in &dirs {
        let mode = if dir == Path::new("tmp") { 0o1777 } else { 0o755 };
        let mut header = header(tar::EntryType::Directory, mode, 0);
        tar.append_data(&mut header, dir, std::io::empty()).map_err(TestbedError::io(attempt))?;
    }
    for Entry { source, path, mode } in files {
        let content =
            std::fs::read(source).map_err(TestbedError::io(format!("read {}", source.display())))?;
        if let Some(why) = elf::unfit(&content, architecture) {
            return Err(TestbedError::Unsuitable(format!("{} {why}", source.display())));
        }
        append(&mut tar, path, *mode, &content).map_err(TestbedError::io(attempt))?;
    }
    tar.into_inner().map_err(TestbedError::io(attempt))
}

pub(super) fn append(
    tar: &mut tar::Builder<Vec<u8>>,
    path: impl AsRef<Path>,
    mode: u32,
    content: &[u8],
) -> std::io::Result<()> {
    let mut header = header(tar::EntryType::Regular, mode, content.len() as u64);
    tar.append_data(&mut header, path, content)
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
