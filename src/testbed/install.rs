//! Puts Carnet into a test cluster: what the project ships, as it ships it, and the operator as a process of its own
//! under the ServiceAccount that it ships.

use std::{
    net::{IpAddr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams},
    discovery::{Discovery, Scope},
    runtime::{conditions, wait::await_condition},
};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::{
    access::Access,
    error::TestbedError,
    process::{Guard, Program, Spawner, wait_for},
};

/// Namespace of the operator.
pub const NAMESPACE: &str = "carnet-system";
/// ServiceAccount of the operator.
pub const SERVICE_ACCOUNT: &str = "carnet-operator";
const WEBHOOK: &str = "carnet";

/// The operator as a process. Dropping it ends the process.
#[derive(Debug)]
pub struct Operator {
    guard: Vec<Guard>,
    metrics: SocketAddr,
    webhook: SocketAddr,
}

/// How the operator is started.
#[derive(Clone, Debug)]
pub struct OperatorOptions {
    /// The program.
    pub program: PathBuf,
    /// Directory of its log.
    pub logs: PathBuf,
    /// Flags beside those that a test cluster needs.
    pub flags: Vec<String>,
    /// Environment, such as a point at which it is to break off.
    pub env: Vec<(String, String)>,
    /// Port of the webhook, when it must be the same as before a restart; none = a free one.
    pub webhook_port: Option<u16>,
}

/// Reads all documents of a YAML file.
pub fn documents(path: &Path) -> Result<Vec<Value>, TestbedError> {
    let text = std::fs::read_to_string(path).map_err(TestbedError::io(format!("read {}", path.display())))?;
    documents_of(&text, &path.display().to_string())
}

/// Reads all documents of a YAML text; `name` is for the error.
pub fn documents_of(text: &str, name: &str) -> Result<Vec<Value>, TestbedError> {
    let all: Vec<Value> = serde_saphyr::from_multiple(text)
        .map_err(|e| TestbedError::Unsuitable(format!("{name} is not YAML: {e}")))?;
    Ok(all.into_iter().filter(|v| !v.is_null()).collect())
}

/// Reads all documents of the YAML files directly in a directory, in the order of their names.
pub fn directory(path: &Path) -> Result<Vec<Value>, TestbedError> {
    let entries = std::fs::read_dir(path).map_err(TestbedError::io(format!("list {}", path.display())))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|e| e.ok().map(|e| e.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "yaml") && !p.ends_with("kustomization.yaml"))
        .collect();
    files.sort();
    files
        .iter()
        .map(|f| documents(f))
        .collect::<Result<Vec<_>, _>>()
        .map(|all| all.into_iter().flatten().collect())
}

/// Applies objects server-side, each where its manifest says.
pub async fn apply(client: &Client, objects: &[Value]) -> Result<(), TestbedError> {
    let discovery = discover(client).await?;
    for object in objects {
        apply_one(client, &discovery, object).await?;
    }
    Ok(())
}

async fn discover(client: &Client) -> Result<Discovery, TestbedError> {
    let discovery = Discovery::new(client.clone());
    discovery.run_aggregated().await.map_err(TestbedError::api("ask the cluster for its kinds"))
}

async fn apply_one(client: &Client, discovery: &Discovery, object: &Value) -> Result<(), TestbedError> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (version, kind, name) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let gvk = kube::core::GroupVersionKind::gvk(group, version, kind);
    let (resource, capabilities) = discovery
        .resolve_gvk(&gvk)
        .ok_or_else(|| TestbedError::Unsuitable(format!("the cluster knows no {group}/{version} {kind}")))?;
    let api: Api<DynamicObject> = match capabilities.scope {
        Scope::Cluster => Api::all_with(client.clone(), &resource),
        Scope::Namespaced => match text("/metadata/namespace") {
            "" => Api::namespaced_with(client.clone(), "default", &resource),
            namespace => Api::namespaced_with(client.clone(), namespace, &resource),
        },
    };
    api.patch(name, &PatchParams::apply("carnet-testbed").force(), &Patch::Apply(object))
        .await
        .map(drop)
        .map_err(TestbedError::api(format!("apply {kind} {name}")))
}

/// What a test cluster cannot use of `deploy/`: the operator runs as a process of its own, outside.
const LEFT_OUT: [&str; 3] = ["Deployment", "PodDisruptionBudget", "Service"];

/// What the project installs (`deploy/base`, which is the chart with its defaults), for a test cluster: without the
/// operator's Pods, and with a webhook configuration that calls `webhook` by its address, since no Service leads out.
pub fn objects(project: &Path, webhook: SocketAddr) -> Result<Vec<Value>, TestbedError> {
    let mut objects = directory(&project.join("deploy/base"))?;
    objects.retain(|o| !LEFT_OUT.iter().any(|kind| is_kind(o, kind)));
    for object in &mut objects {
        point_webhooks(object, webhook);
    }
    Ok(objects)
}

fn is_kind(object: &Value, kind: &str) -> bool {
    object.get("kind").and_then(Value::as_str) == Some(kind)
}

/// Installs what the project ships, the definitions first. `project` is the root of the checkout.
pub async fn install(client: &Client, project: &Path, webhook: SocketAddr) -> Result<(), TestbedError> {
    let all = objects(project, webhook)?;
    let (crds, others): (Vec<Value>, Vec<Value>) =
        all.into_iter().partition(|o| is_kind(o, "CustomResourceDefinition"));
    define(client, &crds).await?;
    apply(client, &others).await
}

/// Applies definitions and waits until the API server serves their kinds.
pub async fn define(client: &Client, crds: &[Value]) -> Result<(), TestbedError> {
    apply(client, crds).await?;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    for crd in crds {
        let name = crd.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let established = await_condition(definitions.clone(), name, conditions::is_crd_established());
        tokio::time::timeout(Duration::from_secs(30), established)
            .await
            .map_err(|_| TestbedError::Unsuitable(format!("{name} was not established within 30 s")))?
            .map_err(|e| TestbedError::Unsuitable(format!("could not watch {name}: {e}")))?;
    }
    // A busy API server tells of its kinds a moment after it serves them.
    wait_for("the API server to tell of its new kinds", Duration::from_secs(30), &mut [], || async {
        let discovery = discover(client).await.map_err(|error| error.to_string())?;
        match crds.iter().find(|crd| !is_told_of(&discovery, crd)) {
            Some(crd) => Err(format!("not of {}", crd["metadata"]["name"])),
            None => Ok(()),
        }
    })
    .await
}

fn is_told_of(discovery: &Discovery, crd: &Value) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (group, kind) = (text(&crd["spec"]["group"]), text(&crd["spec"]["names"]["kind"]));
    crd["spec"]["versions"].as_array().into_iter().flatten().filter(|v| v["served"] == true).all(|version| {
        let gvk = kube::core::GroupVersionKind::gvk(&group, &text(&version["name"]), &kind);
        discovery.resolve_gvk(&gvk).is_some()
    })
}

/// Opens a namespace to deletion Jobs as the project says it: by `deploy/opt-in/`, its namespace replaced.
pub async fn opt_in(client: &Client, project: &Path, namespace: &str) -> Result<(), TestbedError> {
    let mut objects = directory(&project.join("deploy/opt-in"))?;
    for object in &mut objects {
        rename_namespace(object, namespace);
    }
    apply(client, &objects).await
}

fn rename_namespace(value: &mut Value, namespace: &str) {
    match value {
        Value::String(text) if text.contains("NAMESPACE") => *text = text.replace("NAMESPACE", namespace),
        Value::Array(items) => items.iter_mut().for_each(|v| rename_namespace(v, namespace)),
        Value::Object(fields) => fields.values_mut().for_each(|v| rename_namespace(v, namespace)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Has a webhook configuration call `webhook` by its address in place of the Service; other objects stay as they are.
pub fn point_webhooks(object: &mut Value, webhook: SocketAddr) {
    let kinds = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"];
    if !kinds.iter().any(|kind| is_kind(object, kind)) {
        return;
    }
    let Some(webhooks) = object.get_mut("webhooks").and_then(Value::as_array_mut) else { return };
    for hook in webhooks {
        let path = hook
            .pointer("/clientConfig/service/path")
            .and_then(Value::as_str)
            .unwrap_or("/review")
            .to_owned();
        hook["clientConfig"] = json!({"url": format!("https://{webhook}{path}")});
    }
}

/// A free address at which a server of this process can listen.
pub fn free_address(host: IpAddr) -> Result<SocketAddr, TestbedError> {
    TcpListener::bind((host, 0)).and_then(|l| l.local_addr()).map_err(TestbedError::io("find a free port"))
}

impl Operator {
    /// Installs Carnet and starts the operator under its own ServiceAccount; ready when it says so.
    pub async fn start(
        access: &Access,
        project: &Path,
        options: OperatorOptions,
    ) -> Result<Self, TestbedError> {
        let webhook = match options.webhook_port {
            Some(port) => SocketAddr::new(access.host(), port),
            None => free_address(access.host())?,
        };
        install(&access.client_admin().await?, project, webhook).await?;
        let mut operator = Self::spawn(access, options, webhook).await?;
        operator.ready().await?;
        Ok(operator)
    }

    /// Starts the operator in a cluster where Carnet is installed, without waiting for it.
    pub async fn spawn(
        access: &Access,
        options: OperatorOptions,
        webhook: SocketAddr,
    ) -> Result<Self, TestbedError> {
        let OperatorOptions { program, logs, flags, env, webhook_port: _ } = options;
        let kubeconfig = access.kubeconfig_for_service_account(NAMESPACE, SERVICE_ACCOUNT).await?;
        let metrics = free_address(access.host())?;
        let mut process = Program::new("carnet-operator", &program, &logs)
            .args(["run", "--webhook-configuration", WEBHOOK, "--log-format", "json"])
            .args([format!("--webhook-addr={webhook}"), format!("--metrics-addr={metrics}")])
            .args([format!("--webhook-names={}", webhook.ip())])
            .args(flags)
            .env("KUBECONFIG", kubeconfig)
            .env("RUST_BACKTRACE", "1");
        for (name, value) in env {
            process = process.env(&name, value);
        }
        process.stop = Signal::SIGTERM;
        let guard = vec![Spawner::start()?.spawn(process)?];
        Ok(Self { guard, metrics, webhook })
    }

    /// Waits until the operator says that it is ready.
    pub async fn ready(&mut self) -> Result<(), TestbedError> {
        let metrics = self.metrics;
        wait_for("the operator to be ready", Duration::from_mins(1), &mut self.guard, || async move {
            match get(metrics, "/readyz").await {
                Ok(answer) if answer.contains(" 200 ") => Ok(()),
                Ok(answer) => Err(answer.lines().next().unwrap_or_default().to_owned()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
    }

    /// The metrics as text.
    pub async fn metrics(&self) -> Result<String, TestbedError> {
        get(self.metrics, "/metrics").await.map_err(TestbedError::io("read the operator's metrics"))
    }

    /// Where it serves metrics, health and the log's filter.
    pub fn metrics_addr(&self) -> SocketAddr {
        self.metrics
    }

    /// The body of its answer to a question beside its metrics, whatever the answer's code.
    pub async fn ask(&self, path: &str) -> Result<String, TestbedError> {
        let answer = get(self.metrics, path).await.map_err(TestbedError::io("ask the operator"))?;
        Ok(answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
    }

    /// Where its webhook listens.
    pub fn webhook(&self) -> SocketAddr {
        self.webhook
    }

    /// Whether the process is still there.
    pub fn is_running(&mut self) -> bool {
        self.guard.iter_mut().all(|g| g.check().is_ok())
    }

    /// How the process ended, once it has.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.guard.iter_mut().find_map(|g| g.try_wait().ok().flatten())
    }

    /// The last lines of its log.
    pub fn log_end(&self) -> String {
        self.guard.iter().map(Guard::log_end).collect()
    }

    /// Kills the process at once, as a lost node would.
    pub fn kill(self) {
        for guard in &self.guard {
            if let Ok(id) = i32::try_from(guard.id()) {
                let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(id), Signal::SIGKILL);
            }
        }
    }
}

/// One plain HTTP request, answered whole.
async fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
