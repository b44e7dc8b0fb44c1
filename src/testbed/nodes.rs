//! A whole cluster with real nodes: two kubelets, each with a containerd of its own, in namespaces of the cluster's own.

use std::{
    net::IpAddr,
    ops::Deref,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use k8s_openapi::api::core::v1::Node;
use kube::Api;
use serde_json::json;

use super::{
    access::Access,
    binaries::{Binaries, system},
    cgroups,
    control_plane::{Network, Place, Servers, ready},
    error::{TestbedError, write},
    kwok::{FakeNode, is_schedulable},
    namespaces::{HUB, Namespaces, has_cni_plugins},
    process::{Guard, Program, Spawner, wait_for},
    real_node::{RealNode, node_dir, path},
    runtime::{Runtime, load_all, node_images, start_runtime},
    state::Run,
};

const APT: &str = "as root, run hack/cluster/apt.sh";

/// What a cluster with real nodes is to have.
#[derive(Clone, Debug)]
pub struct NodesOptions {
    /// Archives of images that every node is to hold.
    pub images: Vec<PathBuf>,
    /// The nodes.
    pub nodes: Vec<RealNode>,
    /// Whether the Pods of Jobs succeed at once on played nodes, which can be added beside the real ones.
    pub complete_jobs: bool,
}

/// A running cluster with real nodes; dropping it ends everything in it and removes everything that it made.
#[derive(Debug)]
pub struct Cluster {
    access: Access,
    runtimes: Vec<Runtime>,
    // Dropped in this order: the namespaces take every process and mount along, then what watched them goes, then the
    // control groups and the directory.
    namespaces: Namespaces,
    _guards: Vec<Guard>,
    servers: Mutex<Servers>,
    run: Run,
}

// === impl NodesOptions ===

impl Default for NodesOptions {
    fn default() -> Self {
        Self {
            images: Vec::new(),
            nodes: vec![RealNode::new("eu1", "eu-west-1"), RealNode::new("us1", "us-east-1")],
            complete_jobs: true,
        }
    }
}

// === impl Cluster ===

impl Cluster {
    /// Starts a cluster and waits until Pods can be scheduled to all of its nodes. Needs root.
    pub async fn nodes(options: NodesOptions) -> Result<Self, TestbedError> {
        let binaries = Binaries::find()?;
        let mut home = Run::begin()?;
        let spawner = Spawner::start()?;
        let busybox = system("busybox", APT)?;
        if !has_cni_plugins() {
            let remedy = APT.to_owned();
            return Err(TestbedError::Missing { program: "the CNI plugin bridge".to_owned(), remedy });
        }
        let namespaces = Namespaces::start(&spawner, &home).await?;
        let link = namespaces.link().clone();
        let dir = home.dir().to_owned();
        let place = Place {
            binaries: &binaries,
            spawner: &spawner,
            dir: &dir,
            prefix: namespaces.prefix(),
            network: Network::inside(link.inside.into()),
        };
        let access = Access::new(&dir, dir.join("admin.kubeconfig"), link.host.into());

        // The runtimes load images while the control plane starts.
        let images = node_images(&dir, &busybox, &options.images)?;
        let mut guards = Vec::new();
        let mut runtimes = Vec::new();
        for (index, node) in (1_u8..).zip(&options.nodes) {
            let (guard, runtime) = start_runtime(&place, node, index, link.pods)?;
            guards.push(guard);
            runtimes.push(runtime);
        }
        let loading = load_all(&runtimes, &images, &mut guards);
        let (loaded, servers) = tokio::join!(loading, Servers::start(&place, &access));
        let mut servers = servers?;
        loaded?;

        for (index, node) in (1_u16..).zip(&options.nodes) {
            let cgroup = cgroups::make(&mut home, &node.name)?;
            guards.push(start_kubelet(&place, &servers, node, index, &cgroup)?);
        }
        let client = access.client_admin().await?;
        let api: Api<Node> = Api::all(client);
        wait_for("the nodes", Duration::from_mins(2), &mut guards, async || {
            for node in &options.nodes {
                let found = api.get(&node.name).await.map_err(|error| error.to_string())?;
                if !is_schedulable(&found) {
                    return Err(format!("{} is not ready", node.name));
                }
            }
            Ok(())
        })
        .await?;
        if let Some(first) = options.nodes.first() {
            guards.push(start_proxy(&place, &servers, first, link.pods)?);
        }
        servers.play_nodes(&place, &access, options.complete_jobs)?;
        Ok(Self { access, runtimes, namespaces, _guards: guards, servers: Mutex::new(servers), run: home })
    }

    /// The ways into the cluster.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The container runtimes of its nodes.
    pub fn runtimes(&self) -> &[Runtime] {
        &self.runtimes
    }

    /// The container runtime of the node of that name.
    pub fn runtime(&self, node: &str) -> Result<&Runtime, TestbedError> {
        let found = self.runtimes.iter().find(|runtime| runtime.node() == node);
        found.ok_or_else(|| TestbedError::Unsuitable(format!("{node} is no real node of this cluster")))
    }

    /// Kills the API server as a lost machine would, starts it anew, and waits until it says that it is ready. What it
    /// serves is still there: the database beside it went on running.
    pub async fn restart_api_server(&self) -> Result<(), TestbedError> {
        let client = self.access.client_admin().await?;
        self.servers.lock().unwrap_or_else(PoisonError::into_inner).restart_api_server()?;
        wait_for("the API server, started anew", Duration::from_mins(1), &mut [], || ready(&client)).await
    }

    /// What the API server has logged, before it was started anew too.
    pub fn api_server_log(&self) -> Result<String, TestbedError> {
        let dir = self.run.logs();
        let failed = || TestbedError::io(format!("read the logs in {}", dir.display()));
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(&dir).map_err(failed())? {
            let path = entry.map_err(failed())?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if name.starts_with("kube-apiserver") {
                files.push(path);
            }
        }
        // The longer a name, the later its start.
        files.sort_by_key(|path| path.as_os_str().len());
        let mut all = String::new();
        for file in files {
            all.push_str(&String::from_utf8_lossy(&std::fs::read(file).map_err(failed())?));
        }
        Ok(all)
    }

    /// Loads an image from its archive into every node.
    pub fn load_image(&self, archive: &Path) -> Result<(), TestbedError> {
        self.runtimes.iter().try_for_each(|runtime| runtime.load(archive))
    }

    /// Starts a program in the network of the nodes.
    pub(crate) fn spawn_inside(
        &self,
        name: &str,
        executable: &Path,
        settings: impl FnOnce(Program) -> Program,
    ) -> Result<Guard, TestbedError> {
        let program = settings(Program::new(name, executable, &self.run.logs()));
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        Spawner::start()?.spawn(program.env("PATH", path).under(&self.namespaces.prefix()))
    }

    /// Adds a played node beside the real ones and waits until Pods can be scheduled to it. A Pod that is to run has to
    /// keep off it, by a node selector or by a taint of the node.
    pub async fn add_kwok_node(&self, node: &FakeNode) -> Result<(), TestbedError> {
        node.create(self.access.client_admin().await?).await
    }
}

impl Deref for Cluster {
    type Target = Access;

    fn deref(&self) -> &Access {
        &self.access
    }
}

impl Network {
    /// In namespaces of its own every port is free; clients come over the link.
    fn inside(server: IpAddr) -> Self {
        Self {
            server,
            bind: IpAddr::from([0, 0, 0, 0]),
            advertise: Some(HUB),
            api_port: 6443,
            etcd_port: 2379,
            etcd_peer_port: 2380,
        }
    }
}

fn start_kubelet(
    place: &Place<'_>,
    servers: &Servers,
    node: &RealNode,
    index: u16,
    cgroup: &str,
) -> Result<Guard, TestbedError> {
    let RealNode { name, region } = node;
    let dir = node_dir(place, node)?;
    let user = format!("system:node:{name}");
    let kubeconfig =
        place.kubeconfig(&servers.authority, &format!("kubelet-{name}"), &user, Some("system:nodes"))?;
    let resolver = dir.join("resolv.conf");
    write(&resolver, "")?;
    let config = dir.join("kubelet.json");
    let settings = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": false,
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": true,
        "cgroupRoot": cgroup,
        "enforceNodeAllocatable": [],
        "oomScoreAdj": 0,
        "authentication": {
            "anonymous": {"enabled": false},
            "x509": {"clientCAFile": place.dir.join("pki/ca.crt")},
            "webhook": {"enabled": true},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": format!("unix:///run/containerd-{name}.sock"),
        "port": 10250 + index * 10,
        "healthzPort": 10251 + index * 10,
        "readOnlyPort": 0,
        "failSwapOn": false,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "resolvConf": resolver,
        "podLogsDir": dir.join("pod-logs"),
        "volumePluginDir": dir.join("plugins"),
        "providerID": format!("aws:///{region}a/i-{name}"),
    });
    write(&config, settings.to_string())?;
    let labels = format!("topology.kubernetes.io/region={region},topology.kubernetes.io/zone={region}a");
    let program = place
        .program_as(&format!("kubelet-{name}"), "kubelet")?
        .args(["--kubeconfig".as_ref(), kubeconfig.as_os_str()])
        .args(["--config".as_ref(), config.as_os_str()])
        .args(["--root-dir".as_ref(), dir.join("kubelet").as_os_str()])
        .args(["--cert-dir".as_ref(), dir.join("pki").as_os_str()])
        .args(["--hostname-override", name, "--node-ip", &HUB.to_string(), "--node-labels", &labels])
        .env("PATH", path(place));
    place.spawn(program)
}

/// One proxy serves all nodes, because they share one network.
fn start_proxy(
    place: &Place<'_>,
    servers: &Servers,
    node: &RealNode,
    pods: u8,
) -> Result<Guard, TestbedError> {
    let kubeconfig = place.kubeconfig(&servers.authority, "kube-proxy", "system:kube-proxy", None)?;
    let config = place.dir.join("kube-proxy.json");
    let settings = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": kubeconfig},
        "clusterCIDR": format!("10.{pods}.0.0/16"),
        "hostnameOverride": node.name,
        "conntrack": {"maxPerCore": 0},
    });
    write(&config, settings.to_string())?;
    let program = place.program("kube-proxy")?.args(["--config".as_ref(), config.as_os_str()]);
    place.spawn(program.env("PATH", path(place)))
}
