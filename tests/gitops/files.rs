//! What the engines read: a Git repository on this machine for Argo CD, and the same tree as a tarball over HTTP for Flux.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use axum::{Router, extract, http::StatusCode, routing::get};
use carnet::testbed::{gitops::Artifact, install};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// A tree under version control, published in both ways.
pub struct Repository {
    tree: TempDir,
    served: TempDir,
    address: SocketAddr,
}

impl Repository {
    /// An empty one; its tarballs are served on loopback.
    pub async fn new() -> Result<Self> {
        let (tree, served) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let address = install::free_address("127.0.0.1".parse()?)?;
        let dir: PathBuf = served.path().into();
        let file = async move |extract::Path(name): extract::Path<String>| match name.contains(['/', '.']) {
            true => Err(StatusCode::NOT_FOUND),
            false => std::fs::read(dir.join(name)).map_err(|_| StatusCode::NOT_FOUND),
        };
        let listener = tokio::net::TcpListener::bind(address).await?;
        tokio::spawn(axum::serve(listener, Router::new().route("/{name}", get(file))).into_future());
        let new = Self { tree, served, address };
        new.git(&["init", "--quiet", "--initial-branch=main"])?;
        Ok(new)
    }

    /// Writes files (path and text), removes those without a text, and commits.
    pub fn commit(&self, files: &[(&str, Option<&str>)]) -> Result<String> {
        for (path, text) in files {
            let path = self.tree.path().join(path);
            match text {
                Some(text) => {
                    std::fs::create_dir_all(path.parent().context("a file in a folder")?)?;
                    std::fs::write(path, text)?;
                }
                None => std::fs::remove_file(path)?,
            }
        }
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "a change"])?;
        let hash = self.git(&["rev-parse", "HEAD"])?;
        Ok(format!("main@sha1:{}", hash.trim()))
    }

    /// Takes a folder of the project into the tree.
    pub fn copy(&self, from: &Path, to: &str) -> Result<()> {
        let target = self.tree.path().join(to);
        std::fs::create_dir_all(target.parent().context("a folder in a folder")?)?;
        let done = Command::new("cp").arg("-rT").arg(from).arg(target).status()?;
        ensure!(done.success(), "copying {}", from.display());
        Ok(())
    }

    /// The tree as it is now, for Flux.
    pub fn artifact(&self, revision: &str) -> Result<Artifact> {
        let name = revision.rsplit(':').next().unwrap_or(revision);
        let archive = self.served.path().join(name);
        let made = Command::new("tar")
            .args(["--exclude=.git", "-czf"])
            .arg(&archive)
            .arg("-C")
            .arg(self.tree.path())
            .arg(".")
            .status()?;
        ensure!(made.success(), "packing the tree");
        let bytes = std::fs::read(&archive)?;
        let digest: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        Ok(Artifact {
            url: format!("http://{}/{name}", self.address),
            digest: format!("sha256:{digest}"),
            revision: revision.into(),
            size: bytes.len().try_into()?,
        })
    }

    /// The address of the repository, for Argo CD.
    pub fn url(&self) -> String {
        format!("file://{}", self.tree.path().display())
    }

    fn git(&self, words: &[&str]) -> Result<String> {
        let output = Command::new("git")
            .args(["-c", "user.name=test", "-c", "user.email=test@example.com"])
            .args(words)
            .current_dir(self.tree.path())
            .output()?;
        ensure!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }
}
