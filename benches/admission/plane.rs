//! A real API server for one arm, with nothing in it that the arm does not need.

use anyhow::{Context, Result};
use carnet::testbed::{Access, ControlPlane, ControlPlaneOptions, FakeNode, accounts::until, install};
use k8s_openapi::{ByteString, api::core::v1::ServiceAccount};
use kube::{Api, Client};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};

use super::{
    machine::{self, OTHERS},
    rule::{ABROAD, ALLOWED, CLAIMED, UNCLAIMED},
    wire::Endpoint,
};

/// Servers that the arms need while they are measured; the others stand still meanwhile.
const NEEDED: [&str; 2] = ["kube-apiserver", "etcd"];

/// An API server with its etcd.
pub struct Plane {
    plane: ControlPlane,
    pub client: Client,
    /// The API server's process.
    pub api_server: u32,
    still: Vec<u32>,
}

impl Plane {
    /// Starts it, with a node in each region and the namespaces of the rule.
    pub async fn start() -> Result<Self> {
        let before = machine::children()?;
        let plane = ControlPlane::start(ControlPlaneOptions { complete_jobs: false }).await?;
        let client = plane.client_admin().await?;
        for region in ALLOWED.iter().chain([&ABROAD]) {
            plane.add_kwok_node(&FakeNode::aws(&format!("node-{region}"), region)).await?;
        }
        let namespace =
            |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        install::apply(&client, &[CLAIMED, UNCLAIMED].map(namespace)).await?;
        for name in [CLAIMED, UNCLAIMED] {
            let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), name);
            until("the namespace's account", 30, || accounts.get_opt("default")).await?;
        }
        let own = machine::children()?.into_iter().filter(|child| !before.contains(child));
        let (needed, still): (Vec<_>, Vec<_>) = own.partition(|(_, name)| NEEDED.contains(&name.as_str()));
        for (pid, _) in &needed {
            machine::pin(*pid, OTHERS)?;
        }
        let api_server = needed.iter().find(|(_, name)| name == NEEDED[0]).context("no API server runs")?.0;
        Ok(Self { plane, client, api_server, still: still.into_iter().map(|(pid, _)| pid).collect() })
    }

    /// Stops what no arm needs: controllers, scheduler, played nodes. They are killed at the end all the same.
    pub fn stand_still(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        for pid in &self.still {
            kill(Pid::from_raw(i32::try_from(*pid)?), signal)?;
        }
        Ok(())
    }

    /// The API server, asked as its administrator.
    pub fn endpoint(&self) -> Result<Endpoint> {
        let text = std::fs::read_to_string(self.plane.kubeconfig_admin())?;
        let kubeconfig: Value =
            serde_saphyr::from_str(&text).context("read the administrator's kubeconfig")?;
        let cluster = &kubeconfig["clusters"][0]["cluster"];
        let user = &kubeconfig["users"][0]["user"];
        let addr =
            cluster["server"].as_str().and_then(|s| s.strip_prefix("https://")).context("no server")?;
        let pem = |value: &Value| serde_json::from_value::<ByteString>(value.clone()).map(|bytes| bytes.0);
        let (certificate, key) = (pem(&user["client-certificate-data"])?, pem(&user["client-key-data"])?);
        let authority = pem(&cluster["certificate-authority-data"])?;
        Endpoint::new(addr.parse()?, &authority, Some((&certificate, &key)))
    }

    pub fn access(&self) -> &Access {
        self.plane.access()
    }
}
