//! Network, mount and PID namespaces for a whole cluster, and the one link that leads into them.
//!
//! When the namespaces' first process dies, every process in them dies, every mount in them goes, and so does the link.
//! That process is the child of `unshare`, which is this process's child; each asks the kernel to be killed when its
//! parent dies. So nothing has to be cleaned up, and nothing that cleans up could reach outside.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
    process::Command,
    time::Duration,
};

use super::{
    binaries::system,
    error::{TestbedError, make_dir},
    process::{Guard, Program, Spawner, run, wait_for},
    state::{Owner, Run},
};

/// The address that all nodes share, on a bridge without ports.
pub(crate) const HUB: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 88, 0, 1));

const SLOTS: u8 = 16;
const APT: &str = "as root, run hack/cluster/apt.sh";

/// The first process: it prepares the namespaces, says so, and then only collects the dead.
///
/// What containerd, the kubelet and CNI write outside of their directories goes into file systems in memory, which are
/// mounted here and nowhere else. A directory on an overlay cannot carry another overlay, so that then containerd's own
/// goes into memory too.
const INIT: &str = r#"
set -euo pipefail
mkdir -p /var/lib/kubelet /var/lib/cni
for dir in /run /var/log /var/lib/kubelet /var/lib/cni; do
  mount -t tmpfs -o mode=755 carnet "$dir"
done
if [ "$(stat -f -c %T "$1/containerd")" = overlayfs ]; then
  mount -t tmpfs -o mode=711 carnet "$1/containerd"
fi
ip link set lo up
ip link add hub type bridge
ip address add 10.88.0.1/32 dev hub
ip link set hub up
ip route add default dev hub
echo 1 >/proc/sys/net/ipv4/ip_forward
: >"$1/namespaces-ready"
while :; do sleep 86400 & wait; done
"#;

/// Namespaces with a link to this side.
#[derive(Debug)]
pub(crate) struct Namespaces {
    init: Owner,
    link: Link,
    guard: Option<Guard>,
}

/// The link between here and there, and the range of addresses behind it.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// The address on this side.
    pub(crate) host: Ipv4Addr,
    /// The address on the other side.
    pub(crate) inside: Ipv4Addr,
    /// The second byte of the Pods' range, 10.x.0.0/16.
    pub(crate) pods: u8,
    name: String,
}

// === impl Namespaces ===

impl Namespaces {
    pub(crate) async fn start(spawner: &Spawner, home: &Run) -> Result<Self, TestbedError> {
        if !nix::unistd::geteuid().is_root() {
            return Err(TestbedError::Unsuitable(
                "real nodes need root, for namespaces, mounts and control groups; the control plane alone does not".to_owned(),
            ));
        }
        for covered in ["/run", "/var/run", "/var/log"] {
            if home.dir().starts_with(covered) {
                let reason = format!("TMPDIR is below {covered}, which the nodes do not see; set another");
                return Err(TestbedError::Unsuitable(reason));
            }
        }
        for program in ["unshare", "nsenter", "ip", "mount", "runc", "nft", "conntrack"] {
            system(program, APT)?;
        }
        make_dir(&home.dir().join("containerd"))?;
        let mut guard = spawner.spawn(
            Program::new("namespaces", &system("unshare", APT)?, &home.logs())
                .args(["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child=KILL", "--"])
                .args(["bash", "-c", INIT, "carnet-init"])
                .arg(home.dir()),
        )?;
        let ready = home.dir().join("namespaces-ready");
        let unshare = guard.id();
        let init = wait_for(
            "the namespaces",
            Duration::from_secs(20),
            std::slice::from_mut(&mut guard),
            async || {
                if !ready.exists() {
                    return Err("they are being prepared".to_owned());
                }
                Owner::child_of(unshare).ok_or_else(|| "their first process is not there".to_owned())
            },
        )
        .await?;
        let link = Link::make(init.pid())?;
        Ok(Self { init, link, guard: Some(guard) })
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// What to put before a command line to run it inside.
    pub(crate) fn prefix(&self) -> Vec<String> {
        enter(self.init.pid())
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        drop(self.guard.take());
        // The first process ends only after all others, so that their files and control groups are free then.
        for _ in 0..250 {
            if !self.init.reachable() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        tracing::warn!(pid = self.init.pid(), "the namespaces' first process takes long to end");
    }
}

fn enter(pid: u32) -> Vec<String> {
    ["nsenter", "--target", &pid.to_string(), "--net", "--mount", "--pid", "--"].map(str::to_owned).to_vec()
}

// === impl Link ===

impl Link {
    /// Makes the link in the first slot whose addresses nobody uses here.
    fn make(pid: u32) -> Result<Self, TestbedError> {
        let routes = run("list routes", Command::new("ip").args(["-4", "route", "show", "table", "all"]))?;
        let taken: Vec<Range> = routes.split_whitespace().filter_map(Range::parse).collect();
        let mut last = None;
        for slot in 0..SLOTS {
            let link = Self::of_slot(slot);
            if link.ranges().iter().any(|range| taken.iter().any(|other| range.overlaps(*other))) {
                continue;
            }
            // The name is taken by whoever makes the link first, so that two runs cannot have the same slot.
            match link.connect(pid) {
                Ok(()) => return Ok(link),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| {
            TestbedError::Unsuitable(
                "no free range of addresses is left for one more cluster on this machine".to_owned(),
            )
        }))
    }

    fn of_slot(slot: u8) -> Self {
        Self {
            host: Ipv4Addr::new(10, 88, 128 + slot, 1),
            inside: Ipv4Addr::new(10, 88, 128 + slot, 2),
            pods: 208 + slot,
            name: format!("carnet{slot}"),
        }
    }

    fn ranges(&self) -> [Range; 2] {
        [Range::new(self.host, 30), Range::new(Ipv4Addr::new(10, self.pods, 0, 0), 16)]
    }

    fn connect(&self, pid: u32) -> Result<(), TestbedError> {
        let ip = |line: &str| {
            run("link this side to the cluster", Command::new("ip").args(line.split(' '))).map(drop)
        };
        let Self { host, inside, pods, name } = self;
        ip(&format!("link add {name} type veth peer name uplink netns {pid}"))?;
        ip(&format!("address add {host}/30 dev {name}"))?;
        ip(&format!("link set {name} up"))?;
        for line in [format!("address add {inside}/30 dev uplink"), "link set uplink up".to_owned()] {
            let mut command = Command::new("nsenter");
            command.args(["--target", &pid.to_string(), "--net", "--", "ip"]).args(line.split(' '));
            run("link the cluster to this side", &mut command)?;
        }
        ip(&format!("route add 10.{pods}.0.0/16 via {inside} dev {name}"))
    }
}

/// A range of IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    network: u32,
    mask: u32,
}

impl Range {
    fn new(address: Ipv4Addr, length: u32) -> Self {
        let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
        Self { network: u32::from(address) & mask, mask }
    }

    fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/').unwrap_or((text, "32"));
        let length = length.parse().ok().filter(|length| (1..=32).contains(length))?;
        Some(Self::new(address.parse().ok()?, length))
    }

    fn overlaps(self, other: Self) -> bool {
        let mask = self.mask & other.mask;
        self.network & mask == other.network & mask
    }
}

/// Whether a directory of the host is one that the nodes need; kept here beside what the nodes do not see.
pub(crate) fn has_cni_plugins() -> bool {
    ["/usr/lib/cni", "/opt/cni/bin"].iter().any(|dir| Path::new(dir).join("bridge").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_overlap_when_one_holds_the_other() {
        let range = |text| Range::parse(text).expect("a range");
        assert!(range("10.208.0.0/16").overlaps(range("10.0.0.0/8")));
        assert!(range("10.88.128.1").overlaps(range("10.88.128.0/30")));
        assert!(!range("10.208.0.0/16").overlaps(range("10.209.0.0/16")));
        assert_eq!(Range::parse("default"), None);
    }
}
