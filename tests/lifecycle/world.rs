//! What all tests of this binary share: a cluster with two real nodes, the images of this build in both, a database, and
//! the programs with which people install things.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use anyhow::{Result, ensure};
use carnet::{
    api::v1alpha1::Party,
    testbed::{
        Cluster, Image, NodesOptions,
        accounts::{Accounts, until},
        install,
    },
};
use kube::{Api, Client, api::PostParams};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{load::Report, tools::Tools};

/// Where the tests install Carnet.
pub const NAMESPACE: &str = "carnet-system";
/// Name of the Helm release.
pub const RELEASE: &str = "carnet";
/// The chart, from the root of the checkout.
pub const CHART: &str = "charts/carnet";
/// What the tests set beside the chart's defaults.
pub const VALUES: &[&str] = &[
    "--set=transfers.mode=Enforce",
    "--set=transfers.claimsFrom={identity}",
    "--set=erasure.namespaces={identity}",
    // Another authority a minute after one is asked for. It must outlive the time in which nothing is installed: one that
    // ends meanwhile is not believed by an API server until it has heard of the next.
    "--set=webhook.certificates.caValidity=PT20M",
    "--set=webhook.certificates.leafValidity=PT15M",
];

pub struct World {
    accounts: OnceCell<Accounts>,
    pub tools: Tools,
    /// With all rights.
    pub admin: Client,
    pub cluster: Cluster,
    /// What came of the load.
    pub report: Report,
    /// Where tests put what they make.
    pub scratch: tempfile::TempDir,
    archives: Mutex<BTreeMap<String, PathBuf>>,
}

impl World {
    pub async fn start() -> Result<Self> {
        let scratch = tempfile::tempdir()?;
        let cluster = Cluster::nodes(NodesOptions::default()).await?;
        let admin = cluster.client_admin().await?;
        let tools = Tools::new(cluster.kubeconfig_admin(), scratch.path())?;
        // What is opted in to deletion has to be there when Carnet is installed.
        Accounts::namespaces(&admin).await?;
        let world = Self {
            accounts: OnceCell::new(),
            tools,
            admin,
            cluster,
            report: Report::default(),
            scratch,
            archives: Mutex::default(),
        };
        let rendered = world.tools.helm(&["template", RELEASE, CHART, "--namespace", NAMESPACE]).await?;
        world.load_images(&rendered)?;
        Ok(world)
    }

    /// Puts this build's programs into the nodes, under the names that rendered manifests say: a registry's part in it.
    pub fn load_images(&self, rendered: &str) -> Result<()> {
        self.load_images_of(rendered, None)
    }

    /// The same with the programs that are in that directory.
    pub fn load_images_of(&self, rendered: &str, programs: Option<&Path>) -> Result<()> {
        let names = image_names(&install::documents_of(rendered, "rendered manifests")?);
        ensure!(
            names.iter().any(|(_, program)| *program == OPERATOR),
            "the manifests run no operator: {names:?}"
        );
        let mut archives = self.archives.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, program) in names {
            if archives.contains_key(&name) {
                continue;
            }
            let archive = self.scratch.path().join(format!("image-{}.tar", archives.len()));
            let inside = format!("/bin/{}", program.name);
            let file = programs.map_or_else(|| program.file(), |dir| dir.join(program.name));
            Image::new(&name, &[&inside]).file(&file, &inside).write(&archive)?;
            self.cluster.load_image(&archive)?;
            archives.insert(name, archive);
        }
        Ok(())
    }

    /// Loads what was loaded once more, as a registry that is back would let the nodes.
    pub fn load_images_again(&self) -> Result<()> {
        let archives = self.archives.lock().unwrap_or_else(PoisonError::into_inner);
        archives.values().try_for_each(|archive| self.cluster.load_image(archive)).map_err(Into::into)
    }

    /// The image that the operator's Pods run.
    pub async fn operator_image(&self) -> Result<String> {
        let image = "jsonpath={.spec.template.spec.containers[0].image}";
        self.tools.kubectl(&["get", "deployment", "carnet-operator", "-n", NAMESPACE, "-o", image]).await
    }

    /// The database with its store; started when first asked for.
    pub async fn accounts(&self) -> Result<&Accounts> {
        self.accounts.get_or_try_init(|| async { Ok(Accounts::start(&self.cluster).await?) }).await
    }

    /// What Helm is told to install Carnet as the tests want it, or to bring it to that.
    pub fn upgrade() -> Vec<&'static str> {
        let mut args =
            vec!["upgrade", "--install", RELEASE, CHART, "--namespace", NAMESPACE, "--create-namespace"];
        args.extend(["--wait", "--timeout=2m"]);
        args.extend(VALUES);
        args
    }

    /// Carnet is installed by Helm and ready, as the tests want it; what is so already stays as it is.
    pub async fn present(&self) -> Result<()> {
        self.tools.helm(&Self::upgrade()).await?;
        self.answered().await
    }

    /// The API server reaches the webhook. Helm waits until replicas are ready; kube-proxy, which leads to them, writes its
    /// rules at most once a second, and until then what is applied to Carnet's kinds is refused: "connection refused".
    pub async fn answered(&self) -> Result<()> {
        let parties: Api<Party> = Api::all(self.admin.clone());
        let try_it = PostParams { dry_run: true, ..PostParams::default() };
        let spec =
            json!({"metadata": {"name": "somebody"}, "spec": {"legalName": "Somebody Ltd", "country": "IE"}});
        let party: Party = serde_json::from_value(spec)?;
        until("the API server to reach the webhook", 20, || async {
            parties.create(&try_it, &party).await.map(Some)
        })
        .await?;
        Ok(())
    }

    /// As [`World::present`], and the store is declared and taken up.
    pub async fn declared(&self) -> Result<()> {
        self.present().await?;
        Ok(self.accounts().await?.declare(&self.admin).await?)
    }

    /// Nothing of Carnet is installed; what was declared stays.
    pub async fn absent(&self) -> Result<()> {
        let args =
            ["uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found", "--wait", "--timeout=2m"];
        self.tools.helm(&args).await?;
        self.leftovers_removed().await
    }

    /// Removes what is left in the cluster when the namespace went before the release.
    pub async fn leftovers_removed(&self) -> Result<()> {
        let kinds = "validatingwebhookconfigurations,validatingadmissionpolicies,validatingadmissionpolicybindings,\
                     clusterroles,clusterrolebindings";
        let ours = "app.kubernetes.io/part-of=carnet";
        self.tools.kubectl(&["delete", kinds, "-l", ours, "--ignore-not-found"]).await?;
        // Of namespaces that were opened to deletion Jobs.
        let kinds = "serviceaccounts,roles,rolebindings";
        let everywhere = ["delete", kinds, "--all-namespaces", "-l", ours, "--ignore-not-found"];
        self.tools.kubectl(&everywhere).await.map(drop)
    }
}

/// A program of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Program {
    name: &'static str,
    /// Where this build has it.
    pub path: &'static str,
}

/// The operator of this build.
pub const OPERATOR: Program =
    Program { name: "carnet-operator", path: env!("CARGO_BIN_EXE_carnet-operator") };
const ERASER: Program = Program { name: "carnet-eraser", path: env!("CARGO_BIN_EXE_carnet-eraser") };

/// Whether the programs are those of a release.
pub fn is_release() -> bool {
    std::env::var_os("CARNET_LIFECYCLE_BIN").is_some()
}

impl Program {
    /// Where it is: of this build, or in the directory that `CARNET_LIFECYCLE_BIN` names, such as a release's.
    fn file(self) -> PathBuf {
        match std::env::var_os("CARNET_LIFECYCLE_BIN") {
            Some(dir) => PathBuf::from(dir).join(self.name),
            None => self.path.into(),
        }
    }
}
/// `kubectl carnet`.
pub const PLUGIN: &str = env!("CARGO_BIN_EXE_kubectl-carnet");

/// The images that manifests name, each with the program of ours that it holds.
fn image_names(objects: &[Value]) -> BTreeSet<(String, Program)> {
    let mut names = BTreeSet::new();
    for object in objects {
        let Some(containers) = object.pointer("/spec/template/spec/containers").and_then(Value::as_array)
        else {
            continue;
        };
        for container in containers {
            let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
            names.insert((image.to_owned(), OPERATOR));
            let args = container.get("args").and_then(Value::as_array).into_iter().flatten();
            let eraser = args.filter_map(|arg| arg.as_str()?.strip_prefix("--eraser-image="));
            names.extend(eraser.map(|name| (name.to_owned(), ERASER)));
        }
    }
    names
}

/// Root of the checkout.
pub fn project() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}
