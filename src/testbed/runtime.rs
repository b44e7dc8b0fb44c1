//! The container runtime of each node: a containerd of its own, with its own images and its own part of the network.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    control_plane::Place,
    error::{TestbedError, make_dir, write},
    image::Image,
    process::{Guard, run, wait_for},
    real_node::{RealNode, node_dir, path},
};

/// The image that every node holds beside those that are loaded: a shell and its tools, to be run with its own
/// `command` or `args`.
pub const BUSYBOX_IMAGE: &str = "carnet.dev/testbed/busybox:1";
const PAUSE_IMAGE: &str = "registry.k8s.io/pause:3.10";

/// The container runtime of one node, and how to enter where it runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Runtime {
    node: String,
    socket: String,
    ctr: PathBuf,
    prefix: Vec<String>,
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

    /// The node's name.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Sends a signal to the first process of a container, such as `SIGSTOP`; `id` as a Pod's status says it, with or
    /// without the runtime's name before it.
    pub fn signal(&self, id: &str, signal: &str) -> Result<(), TestbedError> {
        let id = id.rsplit_once('/').map_or(id, |(_, id)| id);
        let attempt = format!("send {signal} to a container of the node {}", self.node);
        run(&attempt, self.ctr().args(["tasks", "kill", "--signal", signal, id])).map(drop)
    }

    /// Resident memory and processor time that the first process of a container has used, in bytes and seconds.
    pub fn usage(&self, id: &str) -> Result<(u64, f64), TestbedError> {
        let id = id.rsplit_once('/').map_or(id, |(_, id)| id);
        let attempt = format!("ask the node {} what a container uses", self.node);
        // The number is that of the namespaces in which the node runs, so that it is looked up there.
        let script = r#"pid=$("$@" tasks ls | awk -v id="$ID" '$1 == id { print $2 }')
            awk '/^VmRSS:/ { print $2 * 1024 }' "/proc/$pid/status"
            awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / hz }' "/proc/$pid/stat""#;
        let ctr = self.ctr();
        let mut command = Command::new(&self.prefix[0]);
        command.args(&self.prefix[1..]).args(["sh", "-c", script, "sh"]);
        command.args(ctr.get_args().skip(self.prefix.len() - 1)).env("ID", id);
        let answer = run(&attempt, &mut command)?;
        let mut numbers = answer.split_whitespace();
        let wrong = || TestbedError::Command { attempt: attempt.clone(), output: answer.clone() };
        let memory = numbers.next().and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
        let time = numbers.next().and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
        Ok((memory, time))
    }

    /// Removes an image, so that no container of it can be started.
    pub fn remove_image(&self, name: &str) -> Result<(), TestbedError> {
        let attempt = format!("remove {name} from the node {}", self.node);
        // The store holds it by its name, and the CRI by its digest as well.
        let all = run(&attempt, self.ctr().args(["images", "list"]))?;
        let digest = all.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let digest = digest.filter(|words| words.first().is_some_and(|first| first.ends_with(name)));
        let digest: Vec<String> =
            digest.filter_map(|words| words.get(2).map(|word| (*word).to_owned())).collect();
        let names: Vec<&str> =
            all.lines().filter(|line| digest.iter().any(|d| line.contains(d.as_str()))).collect();
        let names = names.iter().filter_map(|line| line.split_whitespace().next());
        run(&attempt, self.ctr().args(["images", "remove", "--sync"]).args(names)).map(drop)
    }

    /// Loads an image from its archive.
    pub fn load(&self, archive: &Path) -> Result<(), TestbedError> {
        let attempt = format!("load {} into the node {}", archive.display(), self.node);
        run(&attempt, self.ctr().args(["images", "import", "--all-platforms"]).arg(archive)).map(drop)
    }
}

/// Waits for the runtimes and loads the images into each.
pub(crate) async fn load_all(
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
pub(crate) fn node_images(
    dir: &Path,
    busybox: &Path,
    wanted: &[PathBuf],
) -> Result<Vec<PathBuf>, TestbedError> {
    let pause = dir.join("pause.tar");
    Image::new(PAUSE_IMAGE, &["/bin/busybox", "sleep", "infinity"])
        .file(busybox, "/bin/busybox")
        .write(&pause)?;
    let shell = dir.join("busybox.tar");
    Image::new(BUSYBOX_IMAGE, &["/bin/busybox"]).file(busybox, "/bin/busybox").write(&shell)?;
    Ok([pause, shell].into_iter().chain(wanted.iter().cloned()).collect())
}

/// Starts the runtime of a node; `pods` is the second byte of the Pods' range.
pub(crate) fn start_runtime(
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
# Its socket has one place for all, for which the runtimes of two nodes would race.
[plugins.'io.containerd.nri.v1.nri']
  disable = true
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
