//! The store's Secret, mounted as files with the keys of the Service Binding specification.

use std::{fs, path::Path};

use secrecy::{ExposeSecret, SecretString};

/// The value of a key, without the line's end that an editor leaves; none where it is missing or empty.
pub(super) fn key(dir: &Path, name: &str) -> Option<SecretString> {
    let text = fs::read_to_string(dir.join(name)).ok()?;
    Some(text.trim_end_matches(['\r', '\n']).to_owned().into())
        .filter(|t: &SecretString| !t.expose_secret().is_empty())
}

/// PEM of the issuers that are trusted.
pub(super) fn ca(dir: &Path) -> Option<Vec<u8>> {
    fs::read(dir.join("ca.crt")).ok()
}

/// A Secret with these keys, mounted.
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
pub(super) fn mounted(keys: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (key, value) in keys {
        fs::write(dir.path().join(key), value).unwrap();
    }
    dir
}
