//! GitOps engines as plain processes beside a control plane: the real Flux kustomize-controller and the real Argo CD
//! (application controller and repo server), so that what is said of them in the docs is what they do.
//!
//! `hack/gitops/build.sh` builds their programs; they are not part of the ordinary tests.

mod argocd;
mod flux;

use std::path::PathBuf;

pub use argocd::ArgoCd;
pub use flux::{Artifact, Flux};

use super::error::TestbedError;

/// Argo CD's own program, which is also its command line under the name `argocd`.
pub fn argocd_program() -> Result<PathBuf, TestbedError> {
    Programs::find()?.path("argocd")
}

/// The programs that `hack/gitops/build.sh` built, and the definitions of the engines' own kinds beside them.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    dir: PathBuf,
}

impl Programs {
    pub(crate) fn find() -> Result<Self, TestbedError> {
        Ok(Self { dir: super::binaries::built_by("hack/gitops/build.sh")? })
    }

    pub(crate) fn path(&self, program: &str) -> Result<PathBuf, TestbedError> {
        let path = self.dir.join(program);
        if path.exists() {
            return Ok(path);
        }
        Err(TestbedError::Missing {
            program: program.to_owned(),
            remedy: format!("run hack/gitops/build.sh, which builds it into {}", self.dir.display()),
        })
    }

    /// A `PATH` on which the engines find what they call: their own programs, those of the test cluster, the system's.
    pub(crate) fn search_path(&self) -> Result<String, TestbedError> {
        let cluster = super::binaries::Binaries::find()?;
        let rest = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".to_owned());
        Ok(format!("{}:{}:{rest}", self.dir.display(), cluster.dir().display()))
    }
}
