//! A whole cluster with real nodes: two kubelets, each with a containerd of its own, in namespaces of the cluster's own.

use std::{
    ffi::OsString,
    net::IpAddr,
    ops::Deref,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use k8s_openapi::api::core::v1::Node;
use kube::Api;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    access::Access,
    binaries::{Binaries, system},
    cgroups,
    control_plane::{Network, Place, Servers},
    error::{TestbedError, make_dir, write},
    image::Image,
    kwok::{FakeNode, is_schedulable},
    namespaces::{HUB, Namespaces, has_cni_plugins},
    process::{Guard, Spawner, run, wait_for},
    state::Run,
};

/// The image that every node holds beside those that are loaded: a shell and its tools, to be run with its own
/// `command` or `args`.
pub const BUSYBOX_IMAGE: &str = "carnet.dev/testbed/busybox:1";
const PAUSE_IMAGE: &str = "registry.k8s.io/pause:3.10";
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

/// A node that runs Pods.
#[derive(Clone, Debug)]
pub struct RealNode {
    /// Its name.
    pub name: String,
    /// The region of AWS that it says it is in.
    pub region: String,
}

/// A running cluster with real nodes; dropping it ends everything in it and removes everything that it made.
#[derive(Debug)]
pub struct Cluster {
    access: Access,
    runtimes: Vec<Runtime>,
    // Dropped in this order: the namespaces take every process and mount along, then what watched them goes, then the
    // control groups and the directory.
    _namespaces: Namespaces,
    _guards: Vec<Guard>,
    _servers: Servers,
    _run: Run,
}

/// The container runtime of one node, and how to enter where it runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Runtime {
    node: String,
    socket: String,
    ctr: PathBuf,
    prefix: Vec<String>,
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

// === impl RealNode ===

impl RealNode {
    /// A node of that name in a region of AWS.
    pub fn new(name: &str, region: &str) -> Self {
        Self { name: name.to_owned(), region: region.to_owned() }
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
        Ok(Self { access, runtimes, _namespaces: namespaces, _guards: guards, _servers: servers, _run: home })
    }

    /// The ways into the cluster.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The container runtimes of its nodes.
    pub fn runtimes(&self) -> &[Runtime] {
        &self.runtimes
    }

    /// Loads an image from its archive into every node.
    pub fn load_image(&self, archive: &Path) -> Result<(), TestbedError> {
        self.runtimes.iter().try_for_each(|runtime| runtime.load(archive))
    }

    /// Adds a played node beside the real ones and waits until Pods can be scheduled to it.
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

// === impl Runtime ===

impl Runtime {
    fn ctr(&self) -> Command {
        let mut command = Command::new(&self.prefix[0]);
        command.args(&self.prefix[1..]).arg(&self.ctr).args([
            "--address",
            &self.socket,
            "--namespace",
            "k8s.io",
        ]);
        command
    }

    /// Loads an image from its archive.
    pub fn load(&self, archive: &Path) -> Result<(), TestbedError> {
        let attempt = format!("load {} into the node {}", archive.display(), self.node);
        run(&attempt, self.ctr().args(["images", "import", "--all-platforms"]).arg(archive)).map(drop)
    }
}

async fn load_all(
    runtimes: &[Runtime],
    images: &[PathBuf],
    guards: &mut [Guard],
) -> Result<(), TestbedError> {
    for runtime in runtimes {
        let what = format!("containerd of the node {}", runtime.node);
        wait_for(&what, Duration::from_secs(30), guards, async || {
            run("ask containerd", runtime.ctr().arg("version")).map(drop).map_err(|error| error.to_string())
        })
        .await?;
        for image in images {
            let (runtime, image) = (runtime.clone(), image.clone());
            tokio::task::spawn_blocking(move || runtime.load(&image))
                .await
                .map_err(|error| TestbedError::io("load an image")(error.into()))??;
        }
    }
    Ok(())
}

/// The images that every node holds: what holds a Pod's namespaces, a shell, and those that were asked for.
fn node_images(dir: &Path, busybox: &Path, wanted: &[PathBuf]) -> Result<Vec<PathBuf>, TestbedError> {
    let pause = dir.join("pause.tar");
    Image::new(PAUSE_IMAGE, &["/bin/busybox", "sleep", "infinity"])
        .file(busybox, "/bin/busybox")
        .write(&pause)?;
    let shell = dir.join("busybox.tar");
    Image::new(BUSYBOX_IMAGE, &["/bin/busybox"]).file(busybox, "/bin/busybox").write(&shell)?;
    Ok([pause, shell].into_iter().chain(wanted.iter().cloned()).collect())
}

fn start_runtime(
    place: &Place<'_>,
    node: &RealNode,
    index: u8,
    pods: u8,
) -> Result<(Guard, Runtime), TestbedError> {
    let name = &node.name;
    let dir = node_dir(place, node)?;
    let cni = dir.join("cni");
    make_dir(&cni)?;
    let network = json!({"cniVersion": "1.0.0", "name": name, "plugins": [{
        "type": "bridge",
        "bridge": format!("cni{index}"),
        "isGateway": true,
        "ipMasq": false,
        "hairpinMode": true,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": format!("10.{pods}.{index}.0/24")}]],
            "routes": [{"dst": "0.0.0.0/0"}],
            "dataDir": dir.join("addresses"),
        },
    }]});
    write(&cni.join("10-bridge.conflist"), network.to_string())?;

    let socket = format!("/run/containerd-{name}.sock");
    let config = dir.join("containerd.toml");
    write(
        &config,
        format!(
            r#"version = 3
root = "{root}"
state = "/run/containerd-{name}"
[grpc]
  address = "{socket}"
[ttrpc]
  address = "{socket}.ttrpc"
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "{PAUSE_IMAGE}"
[plugins.'io.containerd.cri.v1.runtime']
  # Without CAP_SYS_RESOURCE runc could not lower the score that the kubelet asks for.
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["/usr/lib/cni", "/opt/cni/bin"]
    conf_dir = "{cni}"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"#,
            root = place.dir.join("containerd").join(name).display(),
            cni = cni.display(),
        ),
    )?;
    let program = place
        .program_as(&format!("containerd-{name}"), "containerd")?
        .args(["--config".as_ref(), config.as_os_str()])
        .env("PATH", path(place));
    let runtime = Runtime {
        node: name.clone(),
        socket,
        ctr: place.binaries.path("ctr")?,
        prefix: place.prefix.clone(),
    };
    Ok((place.spawn(program)?, runtime))
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

fn node_dir(place: &Place<'_>, node: &RealNode) -> Result<PathBuf, TestbedError> {
    let dir = place.dir.join(format!("node-{}", node.name));
    make_dir(&dir)?;
    Ok(dir)
}

/// Where nodes look for programs: those that were built, then the distribution's.
fn path(place: &Place<'_>) -> OsString {
    let mut path = place.binaries.dir().as_os_str().to_owned();
    path.push(":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    path
}
