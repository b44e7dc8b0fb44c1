//! The file that says what was installed.

use std::path::{Path, PathBuf};

use crate::enforcement::{Expected, ExpectedError};

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InstalledError {
    /// It cannot be read.
    #[error("--enforcement {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It says nothing that can be compared.
    #[error("--enforcement {path}: {source}")]
    Wrong {
        /// The file.
        path: String,
        /// Why.
        source: ExpectedError,
    },
}

/// What was installed, and the text that says so.
pub struct Installed {
    path: PathBuf,
    text: String,
    pub expected: Expected,
}

impl Installed {
    /// Reads the file.
    pub async fn read(path: &Path) -> Result<Self, InstalledError> {
        let at = || path.display().to_string();
        let text = tokio::fs::read_to_string(path)
            .await
            .map_err(|source| InstalledError::Read { path: at(), source })?;
        let expected =
            Expected::from_yaml(&text).map_err(|source| InstalledError::Wrong { path: at(), source })?;
        Ok(Self { path: path.to_owned(), text, expected })
    }

    /// What the file says now, where that is something else. A file that cannot be used any more changes nothing.
    pub async fn changed(&self) -> Option<Self> {
        let text = tokio::fs::read_to_string(&self.path).await.ok().filter(|text| *text != self.text)?;
        match Expected::from_yaml(&text) {
            Ok(expected) => Some(Self { path: self.path.clone(), text, expected }),
            Err(error) => {
                tracing::warn!(%error, file = %self.path.display(), "going on with what was read before");
                None
            }
        }
    }
}
