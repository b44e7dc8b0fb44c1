//! cert-manager's own controllers as a plain process beside a control plane, for the test of the chart with them.
//!
//! `hack/certmanager/build.sh` builds them; they are not part of the ordinary tests.

use std::path::Path;

use super::{
    access::Access,
    binaries::built_by,
    error::TestbedError,
    install,
    process::{Guard, Program, Spawner},
};

/// What builds it.
const BUILD: &str = "hack/certmanager/build.sh";

/// A cert-manager that runs; dropping it ends it.
pub struct CertManager {
    guard: Guard,
}

// === impl CertManager ===

impl CertManager {
    /// Whether it has been built.
    pub fn is_built() -> bool {
        built_by(BUILD).is_ok_and(|dir| dir.join(".complete").exists())
    }

    /// Installs its definitions and starts its controllers; `dir` takes its log.
    pub async fn start(access: &Access, dir: &Path) -> Result<Self, TestbedError> {
        let built = built_by(BUILD)?;
        if !Self::is_built() {
            let remedy = format!("run {BUILD}");
            return Err(TestbedError::Missing { program: "cert-manager".to_owned(), remedy });
        }
        let client = access.client_admin().await?;
        install::define(&client, &install::directory(&built.join("crds"))?).await?;
        let program =
            Program::new("cert-manager", &built.join("cert-manager"), dir).arg(access.kubeconfig_admin());
        Ok(Self { guard: Spawner::start()?.spawn(program)? })
    }

    /// The end of its log.
    pub fn log_end(&self) -> String {
        self.guard.log_end()
    }
}
