//! The ways into a cluster: as its administrator, as any user, as a ServiceAccount.

use std::{
    net::{IpAddr, UdpSocket},
    path::{Path, PathBuf},
};

use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::{ConfigMap, ServiceAccount},
};
use kube::{
    Api, Client, Config,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
    config::{AuthInfo, KubeConfigOptions, Kubeconfig},
};
use serde_json::json;

use super::{
    error::TestbedError,
    pki::{Authority, Identity, write_secret},
};

/// The ConfigMap in `kube-system` without which no test touches a cluster.
pub const MARKER: &str = "carnet-test-cluster";

/// How to reach a cluster, whoever started it.
#[derive(Clone, Debug)]
pub struct Access {
    dir: PathBuf,
    admin: PathBuf,
    host: IpAddr,
}

// === impl Access ===

impl Access {
    /// `dir` takes the kubeconfigs that are made later; `host` is where the cluster reaches this process.
    pub(crate) fn new(dir: &Path, admin: PathBuf, host: IpAddr) -> Self {
        Self { dir: dir.to_owned(), admin, host }
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig_admin(&self) -> &Path {
        &self.admin
    }

    /// The address under which the API server and the Pods reach a server of this process: where it should listen, and
    /// what the URL of a webhook names.
    pub fn host(&self) -> IpAddr {
        self.host
    }

    /// A client with all rights.
    pub async fn client_admin(&self) -> Result<Client, TestbedError> {
        client(read(&self.admin)?).await
    }

    /// A client that acts as this user in these groups (and in `system:authenticated`, as everyone who is known).
    pub async fn client_for(&self, user: &str, groups: &[&str]) -> Result<Client, TestbedError> {
        client(self.acting_as(user, groups)?).await
    }

    /// A kubeconfig that acts as this user in these groups.
    pub fn kubeconfig_for(&self, user: &str, groups: &[&str]) -> Result<PathBuf, TestbedError> {
        self.write(&format!("user-{user}"), &self.acting_as(user, groups)?)
    }

    /// A kubeconfig that presents a bearer token.
    pub fn kubeconfig_for_token(&self, name: &str, token: &str) -> Result<PathBuf, TestbedError> {
        let mut kubeconfig = read(&self.admin)?;
        let auth = AuthInfo { token: Some(token.to_owned().into()), ..AuthInfo::default() };
        for named in &mut kubeconfig.auth_infos {
            named.auth_info = Some(auth.clone());
        }
        self.write(&format!("token-{name}"), &kubeconfig)
    }

    /// A kubeconfig with a fresh token of a ServiceAccount, which has to exist.
    pub async fn kubeconfig_for_service_account(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<PathBuf, TestbedError> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client_admin().await?, namespace);
        let request = TokenRequest {
            metadata: ObjectMeta::default(),
            spec: Some(TokenRequestSpec {
                expiration_seconds: Some(24 * 3600),
                ..TokenRequestSpec::default()
            }),
            status: None,
        };
        let answer = accounts
            .create_token_request(name, &PostParams::default(), &request)
            .await
            .map_err(TestbedError::api(format!("request a token of ServiceAccount {namespace}/{name}")))?;
        let token = answer.status.and_then(|status| status.token).unwrap_or_default();
        self.kubeconfig_for_token(&format!("{namespace}-{name}"), &token)
    }

    /// The way into a cluster that somebody else started: its kubeconfig, if the cluster is marked as one that tests may
    /// use. Where it reaches this process is what `CARNET_HOST_ADDRESS` says, else the address from which this machine
    /// talks to its API server.
    pub(crate) async fn given(dir: &Path, kubeconfig: PathBuf) -> Result<Self, TestbedError> {
        let config = config(read(&kubeconfig)?).await?;
        let host = match std::env::var("CARNET_HOST_ADDRESS") {
            Ok(address) => address.parse().map_err(|_| {
                TestbedError::Unsuitable(format!("CARNET_HOST_ADDRESS is no address: {address}"))
            })?,
            Err(_) => source_address(config.cluster_url.host().unwrap_or_default())?,
        };
        let access = Self::new(dir, kubeconfig, host);
        access.require_mark().await?;
        Ok(access)
    }

    /// Marks the cluster as one that tests may use.
    pub(crate) async fn mark(&self) -> Result<(), TestbedError> {
        let maps: Api<ConfigMap> = Api::namespaced(self.client_admin().await?, "kube-system");
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": MARKER}});
        let params = PatchParams::apply("carnet-testbed").force();
        maps.patch(MARKER, &params, &Patch::Apply(map))
            .await
            .map(drop)
            .map_err(TestbedError::api("mark the cluster as a test cluster"))
    }

    /// An error unless the cluster is marked as one that tests may use.
    pub(crate) async fn require_mark(&self) -> Result<(), TestbedError> {
        let maps: Api<ConfigMap> = Api::namespaced(self.client_admin().await?, "kube-system");
        let found =
            maps.get_opt(MARKER).await.map_err(TestbedError::api("look for the mark of a test cluster"))?;
        found.map(drop).ok_or_else(|| {
            TestbedError::Unsuitable(format!(
                "the cluster of {} does not hold the ConfigMap kube-system/{MARKER}, so that no test touches it; if it is \
                 a test cluster: kubectl -n kube-system create configmap {MARKER}",
                self.admin.display()
            ))
        })
    }

    fn acting_as(&self, user: &str, groups: &[&str]) -> Result<Kubeconfig, TestbedError> {
        let mut kubeconfig = read(&self.admin)?;
        for auth in kubeconfig.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut()) {
            auth.impersonate = Some(user.to_owned());
            auth.impersonate_groups = Some(groups.iter().map(|group| (*group).to_owned()).collect());
        }
        Ok(kubeconfig)
    }

    fn write(&self, name: &str, kubeconfig: &Kubeconfig) -> Result<PathBuf, TestbedError> {
        let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let path = self.dir.join(format!("{name}.kubeconfig"));
        // JSON is YAML, and says without quoting rules what is meant.
        let content = serde_json::to_string(kubeconfig)
            .map_err(|error| TestbedError::io(format!("write {}", path.display()))(error.into()))?;
        write_secret(&path, content)?;
        Ok(path)
    }
}

/// Writes a kubeconfig that presents a client certificate.
pub(crate) fn write_kubeconfig(
    path: &Path,
    server: &str,
    authority: &Authority,
    identity: &Identity,
) -> Result<(), TestbedError> {
    let content = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "carnet",
        "clusters": [{"name": "carnet", "cluster": {
            "server": server,
            "certificate-authority-data": base64(authority.certificate()),
        }}],
        "users": [{"name": "carnet", "user": {
            "client-certificate-data": base64(&identity.certificate),
            "client-key-data": base64(&identity.key),
        }}],
        "contexts": [{"name": "carnet", "context": {"cluster": "carnet", "user": "carnet"}}],
    });
    write_secret(path, content.to_string())
}

fn base64(text: &str) -> serde_json::Value {
    json!(k8s_openapi::ByteString(text.as_bytes().to_vec()))
}

fn read(path: &Path) -> Result<Kubeconfig, TestbedError> {
    Kubeconfig::read_from(path).map_err(|source| TestbedError::Kubeconfig {
        path: path.display().to_string(),
        source: Box::new(source),
    })
}

async fn client(kubeconfig: Kubeconfig) -> Result<Client, TestbedError> {
    Client::try_from(config(kubeconfig).await?).map_err(TestbedError::api("make a client"))
}

async fn config(kubeconfig: Kubeconfig) -> Result<Config, TestbedError> {
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.map_err(|source| {
        TestbedError::Kubeconfig { path: "of a client".to_owned(), source: Box::new(source) }
    })
}

/// The address from which this machine would send to another; nothing is sent.
fn source_address(server: &str) -> Result<IpAddr, TestbedError> {
    let server = server.trim_matches(['[', ']']);
    let any = if server.contains(':') { "[::]:0" } else { "0.0.0.0:0" };
    UdpSocket::bind(any)
        .and_then(|socket| socket.connect((server, 9)).and_then(|()| socket.local_addr()))
        .map(|address| address.ip())
        .map_err(TestbedError::io(format!("find the way to {server}")))
}
