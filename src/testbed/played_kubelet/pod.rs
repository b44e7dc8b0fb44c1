//! The life of one Pod on the played node.

use std::{
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::Arc,
    time::{Duration, Instant},
};

use k8s_openapi::{
    api::{
        authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec},
        core::v1::{Container, Pod, Secret, ServiceAccount},
    },
    jiff::Timestamp,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams, Preconditions},
};
use nix::sys::signal::Signal;
use serde_json::Value;
use tokio::sync::watch;

use super::{
    Ended, Process, Running, Shared,
    status::{self, Exit, LONGEST_MESSAGE},
};
use crate::testbed::{
    error::{TestbedError, make_dir},
    pki::write_secret,
    process::Program,
};

/// How often a process is looked after.
const LOOK: Duration = Duration::from_millis(5);
/// What could not be done is tried again after this, as long as the Pod is there.
const AGAIN: Duration = Duration::from_millis(100);

/// The grace of its deletion, once it is being deleted. Closed when the Pod is gone.
type Deletion = watch::Receiver<Option<Duration>>;

/// What a process is started with.
struct Prepared {
    args: Vec<String>,
    kubeconfig: PathBuf,
    message: PathBuf,
}

/// How a process stands.
enum Look {
    Runs,
    Ended(i32, String),
    /// It was taken away: the node is no more.
    Gone,
}

struct Life {
    shared: Arc<Shared>,
    pod: Pod,
    uid: String,
    namespace: String,
    name: String,
    container: Container,
}

/// Runs a Pod from its binding until it is gone.
pub(super) async fn live(shared: Arc<Shared>, pod: Pod, mut deletion: Deletion) {
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or_default();
    let over = matches!(phase, "Succeeded" | "Failed");
    let Some(container) = pod.spec.as_ref().and_then(|spec| spec.containers.first().cloned()) else { return };
    let life = Life {
        uid: pod.uid().unwrap_or_default(),
        namespace: pod.namespace().unwrap_or_default(),
        name: pod.name_any(),
        shared,
        pod,
        container,
    };
    if !over && let Some(exit) = life.run(&mut deletion).await {
        let told = status::terminated(&life.uid, &life.container.name, life.image(), &exit);
        life.tell(&told, &deletion).await;
    }
    if deletion.wait_for(Option::is_some).await.is_ok() {
        life.let_go(&deletion).await;
    }
}

impl Life {
    fn image(&self) -> &str {
        self.container.image.as_deref().unwrap_or_default()
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.shared.client.clone(), &self.namespace)
    }

    /// Runs the container's process; none = it was never started.
    async fn run(&self, deletion: &mut Deletion) -> Option<Exit> {
        let prepared = loop {
            if is_wanted_no_more(deletion) {
                return None;
            }
            match self.prepare().await {
                Ok(prepared) => break prepared,
                // The node authorizer learns of a Pod a moment after the node does.
                Err(error) => tracing::debug!(%error, pod = self.name, "preparing a Pod"),
            }
            tokio::time::sleep(AGAIN).await;
        };
        let started = Timestamp::now();
        if let Err(error) = self.start(&prepared) {
            tracing::error!(%error, pod = self.name, "starting a Pod's process");
            let (code, message) = (128, error.to_string());
            return Some(Exit { code, message, started, finished: Timestamp::now() });
        }
        let told = status::running(&self.uid, &self.container.name, self.image(), started);
        let (status, ()) = tokio::join!(self.wait(deletion.clone()), self.tell(&told, deletion));
        let (code, message) = status?;
        Some(Exit { code, message, started, finished: Timestamp::now() })
    }

    /// Makes what the container would find: its Secrets as files, and a way to the API server under its ServiceAccount.
    async fn prepare(&self) -> Result<Prepared, TestbedError> {
        let dir = self.shared.dir.join(&self.uid);
        make_dir(&dir)?;
        let mut paths = vec![];
        let spec = self.pod.spec.clone().unwrap_or_default();
        for mount in self.container.volume_mounts.iter().flatten() {
            let volume = spec.volumes.iter().flatten().find(|v| v.name == mount.name);
            let secret = volume.and_then(|v| v.secret.as_ref()).and_then(|s| s.secret_name.as_deref());
            if let Some(secret) = secret {
                let to = dir.join(&mount.name);
                self.mount(secret, &to).await?;
                paths.push((mount.mount_path.clone(), to));
            }
        }
        let message = dir.join("termination-message");
        let path = self.container.termination_message_path.as_deref().unwrap_or("/dev/termination-log");
        paths.push((path.to_owned(), message.clone()));
        let real = |arg: &String| {
            let found = paths.iter().find(|(path, _)| path == arg);
            found.map_or_else(|| arg.clone(), |(_, to)| to.display().to_string())
        };
        let args = self.container.args.iter().flatten().map(real).collect();
        let account = spec.service_account_name.as_deref().unwrap_or("default");
        let token = self.token(account).await?;
        let kubeconfig = self.shared.access.kubeconfig_for_token(&format!("pod-{}", self.uid), &token)?;
        Ok(Prepared { args, kubeconfig, message })
    }

    async fn mount(&self, secret: &str, to: &Path) -> Result<(), TestbedError> {
        let secrets: Api<Secret> = Api::namespaced(self.shared.client.clone(), &self.namespace);
        let attempt = TestbedError::api(format!("read Secret {}/{secret} as a node", self.namespace));
        let found = secrets.get(secret).await.map_err(attempt)?;
        make_dir(to)?;
        for (key, value) in found.data.unwrap_or_default() {
            write_secret(&to.join(key), value.0)?;
        }
        Ok(())
    }

    async fn token(&self, account: &str) -> Result<String, TestbedError> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.shared.client.clone(), &self.namespace);
        let bound = BoundObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: Some(self.name.clone()),
            uid: Some(self.uid.clone()),
        };
        let request = TokenRequest {
            metadata: ObjectMeta::default(),
            spec: Some(TokenRequestSpec {
                bound_object_ref: Some(bound),
                expiration_seconds: Some(3600),
                ..TokenRequestSpec::default()
            }),
            status: None,
        };
        let attempt = TestbedError::api(format!("request a token of {account} for Pod {}", self.name));
        let answer = accounts.create_token_request(account, &PostParams::default(), &request).await;
        Ok(answer.map_err(attempt)?.status.and_then(|status| status.token).unwrap_or_default())
    }

    fn start(&self, prepared: &Prepared) -> Result<(), TestbedError> {
        let mut state = self.shared.state();
        if state.closed {
            return Err(TestbedError::Unsuitable("the played node is going away".to_owned()));
        }
        let mut program = Program::new(&self.name, &self.shared.program, &self.shared.dir)
            .args(&prepared.args)
            .env("KUBECONFIG", &prepared.kubeconfig);
        if let Some((_, point)) = state.armed.iter().find(|(pods, _)| self.name.starts_with(pods)) {
            program = program.env("CARNET_FAILPOINT", point);
        }
        let guard = self.shared.spawner.spawn(program)?;
        let running = Running {
            namespace: self.namespace.clone(),
            pod: self.name.clone(),
            uid: self.uid.clone(),
            since: Instant::now(),
        };
        let message = prepared.message.clone();
        state.running.insert(self.uid.clone(), Process { running, guard, message });
        Ok(())
    }

    /// Waits until the process has ended, and ends it when its Pod is deleted. Answers exit code and termination message;
    /// none when the node goes away.
    async fn wait(&self, deletion: Deletion) -> Option<(i32, String)> {
        let mut kill_at = None;
        loop {
            match self.look() {
                Look::Runs => {}
                Look::Ended(code, message) => return Some((code, message)),
                Look::Gone => return None,
            }
            let grace =
                if deletion.has_changed().is_err() { Some(Duration::ZERO) } else { *deletion.borrow() };
            if let Some(grace) = grace {
                let at = *kill_at.get_or_insert_with(|| {
                    self.signal(Signal::SIGTERM);
                    Instant::now() + grace
                });
                if Instant::now() >= at {
                    self.signal(Signal::SIGKILL);
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(process) = self.shared.state().running.get(&self.uid) {
            process.guard.signal(signal);
        }
    }

    /// Looks after the process.
    fn look(&self) -> Look {
        let mut state = self.shared.state();
        let Some(process) = state.running.get_mut(&self.uid) else { return Look::Gone };
        let exit_code = match process.guard.try_wait() {
            Ok(None) => return Look::Runs,
            Ok(Some(status)) => code(status),
            Err(_) => return Look::Gone,
        };
        let message = std::fs::read(&process.message).unwrap_or_default();
        let message = String::from_utf8_lossy(&message[..message.len().min(LONGEST_MESSAGE)]).into_owned();
        let log = process.guard.log_end();
        let Running { namespace, pod, uid, since: _ } = process.running.clone();
        state.running.remove(&self.uid);
        if exit_code == 128 + Signal::SIGKILL as i32 {
            let spent = state.armed.iter().position(|(pods, _)| pod.starts_with(pods));
            spent.map(|spent| state.armed.remove(spent));
        }
        state.ended.push(Ended { namespace, pod, uid, exit_code, message: message.clone(), log });
        Look::Ended(exit_code, message)
    }

    /// Writes the Pod's status, again and again until it is written or the Pod is gone.
    async fn tell(&self, status: &Value, deletion: &Deletion) {
        let pods = self.pods();
        while deletion.has_changed().is_ok() {
            let patch = Patch::Strategic(status);
            match pods.patch_status(&self.name, &PatchParams::default(), &patch).await {
                Ok(_) => return,
                Err(kube::Error::Api(answer)) if matches!(answer.code, 404 | 409) => return,
                Err(error) => tracing::warn!(%error, pod = self.name, "writing a Pod's status"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// The last word of a kubelet: the object may go.
    async fn let_go(&self, deletion: &Deletion) {
        let now = DeleteParams {
            grace_period_seconds: Some(0),
            preconditions: Some(Preconditions { uid: Some(self.uid.clone()), resource_version: None }),
            ..DeleteParams::default()
        };
        while deletion.has_changed().is_ok() {
            match self.pods().delete(&self.name, &now).await {
                Ok(_) => return,
                Err(kube::Error::Api(answer)) if matches!(answer.code, 404 | 409) => return,
                Err(error) => tracing::warn!(%error, pod = self.name, "letting a Pod go"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

fn is_wanted_no_more(deletion: &Deletion) -> bool {
    deletion.has_changed().is_err() || deletion.borrow().is_some()
}

/// As a container runtime says it.
fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(255)
}
