//! The cluster that all tests of this binary share.

use std::{
    io::Write,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use carnet::testbed::{
    Access, ControlPlaneOptions, FakeNode, Level, Testbed, chart,
    install::{self, Operator, OperatorOptions},
};
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams, PostParams},
    discovery::{Discovery, Scope},
};
use serde_json::Value;
use tempfile::NamedTempFile;

/// The cluster with Carnet in it.
pub struct World {
    // The operator goes before its cluster.
    operator: Mutex<Option<Operator>>,
    /// Another cluster, with the backstop in it and an operator that can be killed.
    backstop: tokio::sync::OnceCell<Arc<World>>,
    /// Another cluster, in which Pods are steered and evicted.
    steering: tokio::sync::OnceCell<Arc<World>>,
    webhook: std::net::SocketAddr,
    cluster: Testbed,
    /// With all rights.
    pub admin: Client,
    discovery: Discovery,
    /// What the API server is to enforce.
    pub installed: Installed,
}

/// What the API server is to enforce, as the operator was told.
pub struct Installed {
    file: NamedTempFile,
    /// Each object as it was applied.
    pub objects: Vec<Value>,
}

impl Installed {
    fn write(webhook: std::net::SocketAddr, beside: &[Value]) -> Result<Self> {
        let objects: Vec<Value> = install::objects(&project(), webhook)?
            .into_iter()
            .chain(beside.iter().cloned())
            .filter(|o| o["apiVersion"] == "admissionregistration.k8s.io/v1")
            .collect();
        let mut file = NamedTempFile::with_suffix(".yaml")?;
        for object in &objects {
            // JSON is YAML, and says without quoting rules what is meant.
            writeln!(file, "---\n{object}")?;
        }
        Ok(Self { file, objects })
    }

    /// The object of this kind and name.
    pub fn object(&self, kind: &str, name: &str) -> Result<&Value> {
        let found = self.objects.iter().find(|o| o["kind"] == kind && o["metadata"]["name"] == name);
        found.with_context(|| format!("no {kind} {name} is installed"))
    }
}

impl World {
    pub async fn start() -> Result<Self> {
        let level = Level::ControlPlane(ControlPlaneOptions::default());
        Self::start_with(Testbed::obtain(level).await?, &[], &[]).await
    }

    /// The cluster of the tests of the backstop, started by the first of them; one of its own, whatever was given, since its
    /// operator is killed.
    pub async fn with_backstop(&self) -> Result<Arc<Self>> {
        let start = || async {
            let cluster = Testbed::built_in(ControlPlaneOptions::default()).await?;
            Box::pin(Self::start_with(cluster, &["--backstop"], &[])).await.map(Arc::new)
        };
        self.backstop.get_or_try_init(start).await.cloned()
    }

    /// The cluster of the tests of steering and eviction, started by the first of them.
    pub async fn with_steering(&self) -> Result<Arc<Self>> {
        let flags = [
            "--mixed-placement=Steer",
            "--mutating-webhook-configuration=carnet",
            "--on-lapse=Evict",
            "--evict-each=PT1S",
            "--evict-burst=2",
        ];
        let values = ["transfers.mixedPlacement=Steer", "transfers.onLapse=Evict"];
        let start = || async {
            let cluster = Testbed::built_in(ControlPlaneOptions::default()).await?;
            Box::pin(Self::start_with(cluster, &flags, &values)).await.map(Arc::new)
        };
        self.steering.get_or_try_init(start).await.cloned()
    }

    /// `values` are of the chart: what it installs with them beside its defaults.
    async fn start_with(cluster: Testbed, more: &[&str], values: &[&str]) -> Result<Self> {
        cluster.add_kwok_node(&FakeNode::aws("eu1", "eu-west-1")).await?;
        cluster.add_kwok_node(&FakeNode::aws("us1", "us-east-1")).await?;
        let admin = cluster.client_admin().await?;
        let webhook = install::free_address(cluster.host())?;
        let beside = if values.is_empty() { vec![] } else { chart::more(&project(), values, webhook)? };
        let installed = Installed::write(webhook, &beside)?;
        let options = options(more, webhook, &installed);
        // Namespaces before the operator, as an administrator would have them.
        for namespace in ["identity", "analytics", "billing"] {
            let object =
                serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
            install::apply(&admin, &[object]).await?;
        }
        install::apply(&admin, &beside).await?;
        let operator = Operator::start(&cluster, &project(), options).await?;
        install::opt_in(&admin, &project(), "identity").await?;
        let discovery = Discovery::new(admin.clone()).run_aggregated().await?;
        let operator = Mutex::new(Some(operator));
        let (backstop, steering) = Default::default();
        let world = Self { operator, backstop, steering, webhook, cluster, admin, discovery, installed };
        world.policies_hold().await?;
        Ok(world)
    }

    /// The API server takes up new policies a little after they were written; asked by a dry run of what they forbid.
    async fn policies_hold(&self) -> Result<()> {
        let hold = serde_json::json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "LegalHold",
            "metadata": {"name": "are-policies-there"},
            "spec": {"reason": "Audit", "reference": "none", "scope": {"namespaces": ["none"]}, "placedOn": "2026-01-01"}});
        self.apply_as(&self.admin, &hold).await?;
        let api = self.api(&self.admin, &hold)?;
        let try_it = kube::api::DeleteParams { dry_run: true, ..Default::default() };
        eventually("the policies to hold", 30, || async {
            Ok(api.delete("are-policies-there", &try_it).await.is_err().then_some(()))
        })
        .await?;
        let mut released = hold;
        released["spec"]["release"] = serde_json::json!({"on": "2026-01-02", "reason": "tried"});
        self.apply_as(&self.admin, &released).await?;
        api.delete("are-policies-there", &Default::default()).await?;
        Ok(())
    }

    pub fn operator_log(&self) -> String {
        let one = |w: &Self| w.operator().as_ref().map(Operator::log_end).unwrap_or_default();
        let others = [self.backstop.get(), self.steering.get()].into_iter().flatten();
        [one(self)].into_iter().chain(others.map(|w| one(w))).collect()
    }

    fn operator(&self) -> std::sync::MutexGuard<'_, Option<Operator>> {
        self.operator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the operator anew where it was killed.
    pub async fn revive_operator(&self) -> Result<()> {
        if self.operator().is_some() {
            return Ok(());
        }
        let options = options(&["--backstop"], self.webhook, &self.installed);
        let mut operator = Operator::spawn(&self.cluster, options, self.webhook).await?;
        operator.ready().await?;
        *self.operator() = Some(operator);
        Ok(())
    }

    /// Kills the operator and starts it anew with these flags beside its usual ones.
    pub async fn restart_operator(&self, more: &[&str]) -> Result<()> {
        self.kill_operator();
        let options = options(more, self.webhook, &self.installed);
        let mut operator = Operator::spawn(&self.cluster, options, self.webhook).await?;
        operator.ready().await?;
        *self.operator() = Some(operator);
        Ok(())
    }

    /// Does something with an operator that has these flags too, and has the usual one back, whatever came of it.
    pub async fn with_operator<T>(
        &self,
        more: &[&str],
        during: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.restart_operator(more).await?;
        let done = during.await;
        self.restart_operator(&[]).await?;
        done
    }

    /// Kills the operator at once, as a lost node would; once and for all.
    pub fn kill_operator(&self) {
        if let Some(operator) = self.operator().take() {
            operator.kill();
        }
    }

    /// Where the operator's webhook listens.
    pub fn webhook(&self) -> std::net::SocketAddr {
        self.webhook
    }

    /// A kubeconfig with which a program acts as this ServiceAccount.
    pub async fn kubeconfig_of(&self, namespace: &str, account: &str) -> Result<PathBuf> {
        Ok(self.cluster.kubeconfig_for_service_account(namespace, account).await?)
    }

    /// A kubeconfig with all rights.
    pub fn kubeconfig_of_admin(&self) -> PathBuf {
        self.cluster.kubeconfig_admin().to_owned()
    }

    /// A kubeconfig that acts as this user.
    pub fn kubeconfig_of_user(&self, name: &str, groups: &[&str]) -> Result<PathBuf> {
        Ok(self.cluster.kubeconfig_for(name, groups)?)
    }

    /// The body of what the operator answers beside its metrics.
    pub fn ask(&self, path: &str) -> Result<String> {
        Ok(self.ask_operator("GET", path, "")?.1)
    }

    pub fn metrics(&self) -> Result<String> {
        self.ask("/metrics")
    }

    /// One plain HTTP request to where the operator serves metrics: status and body.
    pub fn ask_operator(&self, method: &str, path: &str, body: &str) -> Result<(u16, String)> {
        use std::io::{Read, Write};
        let address = self.operator().as_ref().context("the operator was killed")?.metrics_addr();
        let mut stream = std::net::TcpStream::connect(address)?;
        let length = body.len();
        write!(stream, "{method} {path} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("an answer with a head")?;
        let status = head.split(' ').nth(1).context("a status")?.parse()?;
        Ok((status, body.to_owned()))
    }

    /// The ways into the cluster.
    pub fn access(&self) -> &Access {
        &self.cluster
    }

    /// A client that acts as this user.
    pub async fn user(&self, name: &str, groups: &[&str]) -> Result<Client> {
        Ok(self.cluster.client_for(name, groups).await?)
    }

    /// The resource of an object, as an API of this client.
    pub fn api(&self, client: &Client, object: &Value) -> Result<Api<DynamicObject>> {
        let text = |p: &str| object.pointer(p).and_then(Value::as_str).unwrap_or_default();
        let (group, version) = text("/apiVersion").split_once('/').unwrap_or(("", text("/apiVersion")));
        let gvk = kube::core::GroupVersionKind::gvk(group, version, text("/kind"));
        let (resource, capabilities) =
            self.discovery.resolve_gvk(&gvk).with_context(|| format!("no kind {gvk:?}"))?;
        Ok(match capabilities.scope {
            Scope::Cluster => Api::all_with(client.clone(), &resource),
            Scope::Namespaced => Api::namespaced_with(client.clone(), text("/metadata/namespace"), &resource),
        })
    }

    /// Applies as this client; what the API server says.
    pub async fn apply_as(&self, client: &Client, object: &Value) -> Result<DynamicObject, kube::Error> {
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let api = self.api(client, object).map_err(|e| kube::Error::Service(e.into()))?;
        api.patch(name, &PatchParams::apply("test").force(), &Patch::Apply(object)).await
    }

    /// Applies with all rights; a webhook configuration as a whole, since its address can be a URL or a Service and an apply
    /// would leave both. The bundle stays unless another one is given.
    pub async fn put(&self, objects: &[Value]) -> Result<()> {
        for object in objects {
            if object["kind"] != "ValidatingWebhookConfiguration" {
                install::apply(&self.admin, std::slice::from_ref(object)).await?;
                continue;
            }
            let api = self.api(&self.admin, object)?;
            let mut whole: DynamicObject = serde_json::from_value(object.clone())?;
            let name = whole.metadata.name.clone().unwrap_or_default();
            let Some(there) = api.get_opt(&name).await? else {
                api.create(&PostParams::default(), &whole).await?;
                continue;
            };
            whole.metadata.resource_version = there.metadata.resource_version;
            let old = there.data["webhooks"].as_array().cloned().unwrap_or_default();
            for hook in whole.data["webhooks"].as_array_mut().into_iter().flatten() {
                let bundle =
                    old.iter().find(|o| o["name"] == hook["name"]).map(|o| &o["clientConfig"]["caBundle"]);
                if let (Some(bundle), None) = (bundle, hook["clientConfig"].get("caBundle")) {
                    hook["clientConfig"]["caBundle"] = bundle.clone();
                }
            }
            api.replace(&name, &PostParams::default(), &whole).await?;
        }
        Ok(())
    }

    /// Applies with all rights; every document of a YAML text.
    pub async fn apply(&self, yaml: &str) -> Result<()> {
        for object in install::documents_of(yaml, "a test's manifest")? {
            self.apply_as(&self.admin, &object).await.with_context(|| format!("apply {object}"))?;
        }
        Ok(())
    }

    /// Creates with all rights.
    pub async fn create(&self, yaml: &str) -> Result<(), kube::Error> {
        self.create_as(&self.admin, yaml).await
    }

    /// Creates as this client.
    pub async fn create_as(&self, client: &Client, yaml: &str) -> Result<(), kube::Error> {
        for object in
            install::documents_of(yaml, "a test's manifest").map_err(|e| kube::Error::Service(e.into()))?
        {
            let api = self.api(client, &object).map_err(|e| kube::Error::Service(e.into()))?;
            let object: DynamicObject = serde_json::from_value(object).map_err(kube::Error::SerdeError)?;
            api.create(&PostParams::default(), &object).await?;
        }
        Ok(())
    }

    /// Deletes every object of a YAML text, and waits until they are gone.
    pub async fn delete(&self, yaml: &str) -> Result<()> {
        for object in install::documents_of(yaml, "a test's manifest")? {
            let name =
                object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
            let api = self.api(&self.admin, &object)?;
            let now = kube::api::DeleteParams { grace_period_seconds: Some(0), ..Default::default() };
            match api.delete(&name, &now).await {
                Ok(_) => {}
                Err(kube::Error::Api(status)) if status.is_not_found() => continue,
                Err(error) => return Err(error.into()),
            }
            eventually(&format!("{name} to be gone"), 20, || async {
                Ok(api.get_opt(&name).await?.is_none().then_some(()))
            })
            .await?;
        }
        Ok(())
    }
}

fn options(more: &[&str], webhook: std::net::SocketAddr, installed: &Installed) -> OperatorOptions {
    OperatorOptions {
        program: env!("CARGO_BIN_EXE_carnet-operator").into(),
        logs: std::env::temp_dir(),
        flags: [
            "--transfers=Enforce",
            "--claims-from=identity",
            // Nobody gives the operator its right in the second.
            "--erasure-namespaces=identity,withheld",
            // Short enough to be waited for by a test, long enough for a busy machine.
            "--stale-after=PT24S",
        ]
        .iter()
        .chain(more)
        .map(ToString::to_string)
        .chain([format!("--enforcement={}", installed.file.path().display())])
        .collect(),
        env: vec![],
        webhook_port: Some(webhook.port()),
    }
}

/// Root of the checkout.
pub fn project() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

/// Asks until there is an answer, for so many seconds.
pub async fn eventually<T, F>(what: &str, seconds: u64, question: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let end = tokio::time::Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(answer) = question().await? {
            return Ok(answer);
        }
        if tokio::time::Instant::now() > end {
            bail!("waited {seconds} s in vain for {what}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The message of a refusal with code 403 that says all of this; an error when it was anything else.
pub fn forbidden<T>(result: Result<T, kube::Error>, says: &[&str]) -> Result<String> {
    match result {
        Ok(_) => bail!("it was admitted"),
        Err(kube::Error::Api(status)) => {
            let missing: Vec<_> = says.iter().filter(|part| !status.message.contains(**part)).collect();
            if status.code != 403 || !missing.is_empty() {
                bail!("{missing:?} missing in the refusal with code {}: {}", status.code, status.message);
            }
            Ok(status.message)
        }
        Err(error) => Err(error.into()),
    }
}

/// The message of a refusal; an error when it was not refused.
pub fn refusal<T>(result: Result<T, kube::Error>) -> Result<String> {
    match result {
        Ok(_) => bail!("it was admitted"),
        Err(kube::Error::Api(status)) => Ok(status.message),
        Err(error) => Err(error.into()),
    }
}
