//! What is left of a cluster when the process that started it is killed.
//!
//! Each test starts this program once more, as a launcher that runs the same test with an environment variable that
//! makes it start a cluster and wait; that launcher is then killed.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use carnet::testbed::{Access, Cluster, ControlPlane, ControlPlaneOptions, NodesOptions, Owner};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::ONE_AT_A_TIME;

const LAUNCHER: &str = "CARNET_TEST_LAUNCHER";

/// What the kernel was seen to hold for a launcher's cluster.
struct Seen {
    processes: Vec<Owner>,
    mount_namespaces: Vec<PathBuf>,
    dir: PathBuf,
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_launcher_leaves_no_process_and_no_mount() -> Result<()> {
    if let Some(answer) = launcher() {
        let cluster = Cluster::nodes(NodesOptions::default()).await?;
        return wait_to_be_killed(&answer, cluster.access()).await;
    }
    let _turn = ONE_AT_A_TIME.lock().await;
    let (seen, link) =
        kill_a_launcher("killed::killing_the_launcher_leaves_no_process_and_no_mount", Signal::SIGKILL)?;
    ensure!(
        seen.processes.len() > 10,
        "only {} processes were seen of a whole cluster",
        seen.processes.len()
    );
    ensure!(!seen.mount_namespaces.is_empty(), "no mount namespace was seen");
    nothing_is_left(&seen)?;
    ensure!(!addresses()?.contains(&link), "the link with address {link} is still there");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launcher_that_is_interrupted_leaves_no_process() -> Result<()> {
    if let Some(answer) = launcher() {
        let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
        return wait_to_be_killed(&answer, plane.access()).await;
    }
    let _turn = ONE_AT_A_TIME.lock().await;
    let (seen, _) =
        kill_a_launcher("killed::a_launcher_that_is_interrupted_leaves_no_process", Signal::SIGINT)?;
    ensure!(seen.processes.len() > 4, "only {} processes were seen of a control plane", seen.processes.len());
    nothing_is_left(&seen)
}

fn launcher() -> Option<PathBuf> {
    std::env::var_os(LAUNCHER).map(PathBuf::from)
}

async fn wait_to_be_killed(answer: &Path, access: &Access) -> Result<()> {
    let dir = access.kubeconfig_admin().parent().context("a directory")?;
    let partial = answer.with_extension("partial");
    std::fs::write(&partial, format!("{}\n{}", dir.display(), access.host()))?;
    std::fs::rename(partial, answer)?;
    tokio::time::sleep(Duration::from_mins(5)).await;
    bail!("nobody killed the launcher")
}

/// Starts a launcher, waits for its cluster, notes what there is of it, and kills the launcher.
fn kill_a_launcher(test: &str, signal: Signal) -> Result<(Seen, String)> {
    let scratch = tempfile::tempdir()?;
    let answer = scratch.path().join("answer");
    let mut launcher = Command::new(std::env::current_exe()?)
        .args(["--exact", test, "--nocapture"])
        .env(LAUNCHER, &answer)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    let told = wait_for_answer(&mut launcher, &answer);
    let seen = told.and_then(|(dir, host)| Ok((look_at(launcher.id(), dir)?, host)));
    kill(Pid::from_raw(i32::try_from(launcher.id())?), signal)?;
    launcher.wait()?;
    seen
}

fn wait_for_answer(launcher: &mut Child, answer: &Path) -> Result<(PathBuf, String)> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_mins(2) {
        if let Ok(told) = std::fs::read_to_string(answer) {
            let (dir, host) = told.split_once('\n').context("two lines")?;
            return Ok((dir.into(), host.to_owned()));
        }
        ensure!(launcher.try_wait()?.is_none(), "the launcher ended by itself");
        std::thread::sleep(Duration::from_millis(50));
    }
    bail!("the launcher's cluster did not come up")
}

/// Every process below the launcher, and the mount namespaces that only they are in.
fn look_at(launcher: u32, dir: PathBuf) -> Result<Seen> {
    let parents = parents()?;
    let below = |pid: u32| {
        std::iter::successors(parents.get(&pid), |parent| parents.get(parent))
            .any(|&parent| parent == launcher)
    };
    let pids: Vec<u32> = parents.keys().copied().filter(|&pid| below(pid)).collect();
    let own = std::fs::read_link("/proc/self/ns/mnt")?;
    let mut mount_namespaces: Vec<PathBuf> = pids.iter().filter_map(|&pid| mount_namespace(pid)).collect();
    mount_namespaces.retain(|namespace| *namespace != own);
    Ok(Seen { processes: pids.into_iter().filter_map(Owner::of).collect(), mount_namespaces, dir })
}

fn nothing_is_left(seen: &Seen) -> Result<()> {
    std::thread::sleep(Duration::from_secs(2));
    let left: Vec<u32> = seen.processes.iter().filter(|owner| owner.reachable()).map(Owner::pid).collect();
    ensure!(left.is_empty(), "still running: {left:?}");
    for pid in parents()?.into_keys() {
        let within = mount_namespace(pid).is_some_and(|namespace| seen.mount_namespaces.contains(&namespace));
        ensure!(!within, "process {pid} keeps a mount namespace of the cluster");
    }
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
    ensure!(!mounts.contains(&seen.dir.display().to_string()), "still mounted:\n{mounts}");
    Ok(())
}

/// Each process with its parent.
fn parents() -> Result<BTreeMap<u32, u32>> {
    let pids =
        std::fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(pids.filter_map(|pid| Some((pid, parent(pid)?))).collect())
}

fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn mount_namespace(pid: u32) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/ns/mnt")).ok()
}

fn addresses() -> Result<String> {
    Ok(String::from_utf8(Command::new("ip").args(["-4", "-oneline", "address"]).output()?.stdout)?)
}
