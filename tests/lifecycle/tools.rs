//! Helm and kubectl as a person uses them: real programs, the administrator's kubeconfig, the checkout as the directory.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use carnet::testbed::Binaries;
use tokio::process::Command;

/// Longer than any timeout that is given to Helm or kubectl here.
const PATIENCE: Duration = Duration::from_mins(3);

/// The programs, and where they look.
#[derive(Clone)]
pub struct Tools {
    helm: PathBuf,
    kubectl: PathBuf,
    kubeconfig: PathBuf,
    home: PathBuf,
}

/// What a program that ran to its end wrote.
pub struct Answer {
    pub success: bool,
    pub output: String,
    pub complaint: String,
}

impl Tools {
    /// `home` takes what the programs keep for their user.
    pub fn new(kubeconfig: &Path, home: &Path) -> Result<Self> {
        let binaries = Binaries::find()?;
        Ok(Self {
            helm: binaries.path("helm")?,
            kubectl: binaries.path("kubectl")?,
            kubeconfig: kubeconfig.to_owned(),
            home: home.to_owned(),
        })
    }

    /// Runs `helm`, whatever comes of it.
    pub async fn try_helm(&self, args: &[&str]) -> Result<Answer> {
        self.run(&self.helm, args).await
    }

    /// Runs `helm`; an error says what it complained of.
    pub async fn helm(&self, args: &[&str]) -> Result<String> {
        self.try_helm(args).await?.or_fail("helm", args)
    }

    /// Runs `kubectl`, whatever comes of it.
    pub async fn try_kubectl(&self, args: &[&str]) -> Result<Answer> {
        self.run(&self.kubectl, args).await
    }

    /// Runs `kubectl`; an error says what it complained of.
    pub async fn kubectl(&self, args: &[&str]) -> Result<String> {
        self.try_kubectl(args).await?.or_fail("kubectl", args)
    }

    async fn run(&self, program: &Path, args: &[&str]) -> Result<Answer> {
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir(super::world::project())
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", &self.home)
            .env_remove("XDG_CACHE_HOME")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output())
            .await
            .with_context(|| format!("{} {} hangs", program.display(), args.join(" ")))?
            .with_context(|| format!("start {}", program.display()))?;
        Ok(Answer {
            success: output.status.success(),
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            complaint: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

impl Answer {
    /// What Helm or kubectl warned of, in their own words or the API server's.
    pub fn warnings(&self) -> Vec<&str> {
        // Of the test's own kubeconfig, which is nobody's.
        let ours = |line: &str| !line.contains("Kubernetes configuration file is");
        let warns = |line: &str| {
            let line = line.to_lowercase();
            line.contains("warning") || line.contains("level=warn") || line.contains("deprecated")
        };
        self.complaint.lines().filter(|line| warns(line) && ours(line)).collect()
    }

    fn or_fail(self, program: &str, args: &[&str]) -> Result<String> {
        if self.success {
            return Ok(self.output);
        }
        bail!("{program} {}:\n{}{}", args.join(" "), self.complaint, self.output);
    }
}
