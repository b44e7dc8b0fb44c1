//! A node whose containers are plain processes of one program, for what has to be shown about a program that is killed.
//!
//! Everything between the container and the API server is as it is with a kubelet: the node acts under its own identity
//! (so that the node authorizer and NodeRestriction judge it), takes the Pods that the scheduler binds to it, reads their
//! Secrets, asks for a token bound to the Pod, writes the Pod's status with exit code and termination message, and honours
//! a deletion with SIGTERM, the grace period, SIGKILL. What is not played is the container itself: no image, no mounts, no
//! limits. Paths in the arguments that name a mounted Secret or the termination message are replaced by real ones.

mod pod;
mod status;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::StreamExt;
use k8s_openapi::{
    api::{
        coordination::v1::{Lease, LeaseSpec},
        core::v1::{Node, Pod},
    },
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api, Client, ResourceExt,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
    runtime::{WatchStreamExt, watcher},
};
use nix::sys::signal::Signal;
use tokio::{
    sync::watch,
    task::{AbortHandle, JoinSet},
};

use super::{
    access::Access,
    error::{TestbedError, make_dir},
    kwok::{FakeNode, is_schedulable},
    process::{Guard, Spawner, wait_for},
    state::Run,
};

/// How often the node says that it lives; after forty seconds of silence it would count as lost.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// A node that runs the containers of its Pods as processes of one program. Dropping it kills them.
pub struct PlayedKubelet {
    shared: Arc<Shared>,
    tasks: Vec<AbortHandle>,
    _run: Run,
}

/// A process that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Namespace of its Pod.
    pub namespace: String,
    /// Name of its Pod.
    pub pod: String,
    /// Uid of its Pod.
    pub uid: String,
    /// When it was started.
    pub since: Instant,
}

/// A process that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Namespace of its Pod.
    pub namespace: String,
    /// Name of its Pod.
    pub pod: String,
    /// Uid of its Pod.
    pub uid: String,
    /// As the Pod's status says it: 128 and the signal's number when a signal ended it.
    pub exit_code: i32,
    /// The termination message.
    pub message: String,
    /// The last lines that it wrote.
    pub log: String,
}

struct Shared {
    client: Client,
    access: Access,
    node: String,
    program: PathBuf,
    dir: PathBuf,
    spawner: Spawner,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Points at which a process is to be killed, by the beginning of its Pod's name.
    armed: Vec<(String, String)>,
    /// By uid of the Pod. A process is waited for under this lock alone, so that a signal never meets another one.
    running: BTreeMap<String, Process>,
    ended: Vec<Ended>,
    /// Nothing is started any more.
    closed: bool,
}

#[derive(Debug)]
struct Process {
    running: Running,
    guard: Guard,
    /// Where it leaves its termination message.
    message: PathBuf,
}

// === impl PlayedKubelet ===

impl PlayedKubelet {
    /// Registers the node and waits until Pods can be scheduled to it. Each container that comes to it is a process of
    /// `program`.
    pub async fn start(access: &Access, node: &FakeNode, program: &Path) -> Result<Self, TestbedError> {
        let run = Run::begin()?;
        let mut node = node.node();
        // kwok plays nodes with its annotation alone.
        node.metadata.annotations = None;
        let name = node.name_any();
        let client = access.client_for(&format!("system:node:{name}"), &["system:nodes"]).await?;
        let dir = run.dir().join("pods");
        make_dir(&dir)?;
        let shared = Arc::new(Shared {
            client,
            access: access.clone(),
            node: name,
            program: program.to_owned(),
            dir,
            spawner: Spawner::start()?,
            state: Mutex::default(),
        });
        shared.register(&node).await?;
        let tasks = vec![
            tokio::spawn(shared.clone().heartbeat()).abort_handle(),
            tokio::spawn(shared.clone().follow()).abort_handle(),
        ];
        Ok(Self { shared, tasks, _run: run })
    }

    /// Lets processes of Pods whose name begins so be killed at a failpoint (`NAME`, or `NAME:N` for the n-th time), until
    /// one was; armed twice, until two were.
    pub fn arm(&self, pods: &str, point: &str) {
        self.shared.state().armed.push((pods.to_owned(), point.to_owned()));
    }

    /// Takes back what was armed and did not kill.
    pub fn disarm(&self, pods: &str) {
        self.shared.state().armed.retain(|(armed, _)| armed != pods);
    }

    /// Processes that run now.
    pub fn running(&self) -> Vec<Running> {
        self.shared.state().running.values().map(|process| process.running.clone()).collect()
    }

    /// Processes of Pods whose name begins so that have ended, in order.
    pub fn ended(&self, pods: &str) -> Vec<Ended> {
        self.shared.state().ended.iter().filter(|e| e.pod.starts_with(pods)).cloned().collect()
    }

    /// Kills the process of a Pod with SIGKILL; false = it runs no more.
    pub fn kill(&self, uid: &str) -> bool {
        let state = self.shared.state();
        let process = state.running.get(uid);
        if let Some(process) = process {
            process.guard.signal(Signal::SIGKILL);
        }
        process.is_some()
    }
}

impl Drop for PlayedKubelet {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        let mut state = self.shared.state();
        state.closed = true;
        // Each guard kills its process.
        state.running.clear();
    }
}

// === impl Shared ===

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn register(&self, node: &Node) -> Result<(), TestbedError> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let name = &self.node;
        let attempt = TestbedError::api(format!("register the node {name}"));
        nodes.create(&PostParams::default(), node).await.map_err(attempt)?;
        let ready = Patch::Strategic(status::of_node(Timestamp::now()));
        let attempt = TestbedError::api(format!("say that the node {name} is ready"));
        nodes.patch_status(name, &PatchParams::default(), &ready).await.map_err(attempt)?;
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), "kube-node-lease");
        let lease = Lease {
            metadata: ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() },
            spec: Some(LeaseSpec {
                holder_identity: Some(name.clone()),
                lease_duration_seconds: Some(40),
                renew_time: Some(MicroTime(Timestamp::now())),
                ..LeaseSpec::default()
            }),
        };
        let attempt = TestbedError::api(format!("make the lease of the node {name}"));
        leases.create(&PostParams::default(), &lease).await.map_err(attempt)?;
        wait_for(&format!("the node {name}"), Duration::from_secs(30), &mut [], async || {
            let node = nodes.get(name).await.map_err(|error| error.to_string())?;
            if is_schedulable(&node) {
                Ok(())
            } else {
                Err(format!("{:?}", node.spec.and_then(|s| s.taints)))
            }
        })
        .await
    }

    async fn heartbeat(self: Arc<Self>) {
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), "kube-node-lease");
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            let now = serde_json::json!({"spec": {"renewTime": MicroTime(Timestamp::now())}});
            if let Err(error) = leases.patch(&self.node, &PatchParams::default(), &Patch::Merge(now)).await {
                tracing::warn!(%error, node = self.node, "renewing the node's lease");
            }
        }
    }

    /// Takes every Pod that is bound to the node, and tells each of its own deletion.
    async fn follow(self: Arc<Self>) {
        let bound = watcher::Config::default().fields(&format!("spec.nodeName={}", self.node));
        let pods: Api<Pod> = Api::all(self.client.clone());
        let mut events = Box::pin(watcher(pods, bound).default_backoff());
        let mut lives: BTreeMap<String, watch::Sender<Option<Duration>>> = BTreeMap::new();
        let mut tasks = JoinSet::new();
        while let Some(event) = events.next().await {
            let pod = match event {
                Ok(watcher::Event::Apply(pod) | watcher::Event::InitApply(pod)) => pod,
                Ok(watcher::Event::Delete(pod)) => {
                    // Its life ends when nobody can tell it any more.
                    lives.remove(&pod.uid().unwrap_or_default());
                    continue;
                }
                Ok(watcher::Event::Init | watcher::Event::InitDone) => continue,
                Err(error) => {
                    tracing::warn!(%error, node = self.node, "watching the node's Pods");
                    continue;
                }
            };
            let grace = pod.metadata.deletion_timestamp.is_some().then(|| {
                let seconds = pod.metadata.deletion_grace_period_seconds.unwrap_or_default();
                Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
            });
            let life = lives.entry(pod.uid().unwrap_or_default()).or_insert_with(|| {
                let (tell, told) = watch::channel(None);
                tasks.spawn(pod::live(self.clone(), pod.clone(), told));
                tell
            });
            if grace.is_some() {
                life.send_if_modified(|known| {
                    let new = *known != grace;
                    *known = grace;
                    new
                });
            }
        }
    }
}
