//! What is compared.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use carnet::testbed::{Beside, Identity};
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use kube::{Api, Client};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{
    corpus::Item,
    load::{Prepared, verdict},
    machine::TESTED,
    plane::Plane,
    wire::Endpoint,
};

/// Who enforces the rule.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, strum::Display,
)]
#[serde(rename_all = "lowercase")]
pub enum Arm {
    #[strum(to_string = "nobody")]
    Nobody,
    #[strum(to_string = "a webhook that admits unseen")]
    Unseeing,
    #[strum(to_string = "ValidatingAdmissionPolicy")]
    Policy,
    #[strum(to_string = "Gatekeeper")]
    Gatekeeper,
    #[strum(to_string = "Kyverno")]
    Kyverno,
    #[strum(to_string = "Carnet")]
    Carnet,
}

impl Arm {
    /// Whether the rule is enforced.
    pub fn refuses(self) -> bool {
        match self {
            Self::Nobody | Self::Unseeing => false,
            Self::Policy | Self::Gatekeeper | Self::Kyverno | Self::Carnet => true,
        }
    }
}

/// A webhook that enforces the rule, as a process on a core of its own.
pub struct Judge {
    pub arm: Arm,
    pub plane: Plane,
    pub process: Beside,
    pub endpoint: Endpoint,
    path: String,
}

/// Directories of a run.
pub struct Dirs {
    /// Logs, certificates.
    pub work: PathBuf,
    /// Gatekeeper and Kyverno.
    pub peers: PathBuf,
    /// The operator's program.
    pub operator: PathBuf,
}

impl Judge {
    /// Takes a webhook that has been started: asks what it is configured to be asked, until it answers by the rule.
    pub async fn ready(
        arm: Arm,
        plane: Plane,
        mut process: Beside,
        (configuration, webhook): (&str, &str),
        probes: &[Item],
    ) -> Result<Self> {
        let until = Instant::now() + Duration::from_mins(2);
        loop {
            process.check()?;
            let found = match target(&plane.client, configuration, webhook).await {
                Ok((endpoint, path)) => by_the_rule(&endpoint, &path, probes).map(|()| (endpoint, path)),
                Err(error) => Err(error),
            };
            match found {
                Ok((endpoint, path)) => return Ok(Self { arm, plane, process, endpoint, path }),
                Err(error) if Instant::now() > until => {
                    bail!("{arm} does not answer by the rule: {error:#}\n{}", process.log_end())
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
            }
        }
    }

    /// The corpus as requests to it.
    pub fn prepared(&self, corpus: &[Item]) -> Vec<Prepared> {
        corpus.iter().map(|item| prepared(&self.endpoint, &self.path, item)).collect()
    }
}

fn prepared(endpoint: &Endpoint, path: &str, item: &Item) -> Prepared {
    Prepared { request: endpoint.request("POST", path, &item.review), allowed: item.allowed }
}

/// Where an API server would send Pods, and whom it would believe.
async fn target(client: &Client, configuration: &str, webhook: &str) -> Result<(Endpoint, String)> {
    let api: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    let found = api.get(configuration).await?.webhooks.unwrap_or_default();
    let config = found.into_iter().find(|w| w.name == webhook).context("no such webhook")?.client_config;
    let url = config.url.context("a webhook without a URL")?;
    let (addr, path) = url
        .strip_prefix("https://")
        .and_then(|rest| rest.split_once('/'))
        .context("a URL of another form")?;
    let authorities = config.ca_bundle.context("a webhook without an authority")?.0;
    Ok((Endpoint::new(addr.parse()?, &authorities, None)?, format!("/{path}?timeout=5s")))
}

fn by_the_rule(endpoint: &Endpoint, path: &str, probes: &[Item]) -> Result<()> {
    let mut connection = endpoint.connect()?;
    for item in probes {
        let Prepared { request, allowed } = prepared(endpoint, path, item);
        if verdict(&mut connection, &request)? != allowed {
            bail!("it says allowed={} to {}", !allowed, item.what);
        }
    }
    Ok(())
}

/// A command line that keeps the program to the core of what is under test.
pub fn on_its_core(program: &std::path::Path) -> Vec<OsString> {
    let mut argv: Vec<OsString> = ["taskset", "--cpu-list"].map(Into::into).into();
    argv.extend([TESTED.to_string().into(), program.into()]);
    argv
}

/// Writes a certificate and its key into a directory of their own, under the names that Kubernetes gives them.
pub fn write_identity(dir: &std::path::Path, identity: &Identity) -> Result<()> {
    std::fs::create_dir_all(dir)?;
    std::fs::write(dir.join("tls.crt"), &identity.certificate)?;
    std::fs::write(dir.join("tls.key"), &identity.key)?;
    Ok(())
}
