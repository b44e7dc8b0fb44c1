//! What can go wrong while a test cluster is made.

use std::{io, path::Path, process::ExitStatus};

/// An error of the test cluster, told by what was being attempted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestbedError {
    /// The operating system refused something.
    #[error("failed to {attempt}")]
    Io {
        /// What was attempted.
        attempt: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// A program that has to be installed or built is not there.
    #[error("{program} is missing: {remedy}")]
    Missing {
        /// The program's name.
        program: String,
        /// How to get it.
        remedy: String,
    },
    /// A server ended while it was being waited for.
    #[error("{program} ended with {status}; the end of its log:\n{log}")]
    Ended {
        /// The server's name.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines that it wrote.
        log: String,
    },
    /// Something did not become ready in the time given.
    #[error("waited {seconds} s in vain for {what}{detail}")]
    NotReady {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
        /// The last state that was seen, or the end of a log.
        detail: String,
    },
    /// A command that should have succeeded did not.
    #[error("failed to {attempt}: {output}")]
    Command {
        /// What was attempted.
        attempt: String,
        /// What the command wrote to standard error.
        output: String,
    },
    /// A key or certificate could not be made.
    #[error("failed to make the certificate of {subject}")]
    Certificate {
        /// Whose certificate.
        subject: String,
        /// What the library said.
        source: rcgen::Error,
    },
    /// A kubeconfig could not be used.
    #[error("failed to read the kubeconfig {path}")]
    Kubeconfig {
        /// Where it stands, or what it is for.
        path: String,
        /// What is wrong with it.
        #[source]
        source: Box<kube::config::KubeconfigError>,
    },
    /// The API server refused something.
    #[error("failed to {attempt}")]
    Api {
        /// What was attempted.
        attempt: String,
        /// What the API server said.
        #[source]
        source: Box<kube::Error>,
    },
    /// This machine or this user cannot carry what was asked for.
    #[error("{0}")]
    Unsuitable(String),
}

impl TestbedError {
    /// For `map_err` on input and output: says what was attempted.
    pub(crate) fn io(attempt: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let attempt = attempt.into();
        move |source| Self::Io { attempt, source }
    }

    /// For `map_err` on requests to the API server: says what was attempted.
    pub(crate) fn api(attempt: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let attempt = attempt.into();
        move |source| Self::Api { attempt, source: Box::new(source) }
    }
}

/// Writes a file, and names it when that fails.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), TestbedError> {
    std::fs::write(path, content).map_err(TestbedError::io(format!("write {}", path.display())))
}

/// Makes a directory and its parents, and names it when that fails.
pub(crate) fn make_dir(path: &Path) -> Result<(), TestbedError> {
    std::fs::create_dir_all(path).map_err(TestbedError::io(format!("make the directory {}", path.display())))
}
