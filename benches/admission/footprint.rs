//! Memory with many Pods: the operator beside a typed reflector, each started anew on the same API server (BM5).

use std::{
    io::Write,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use carnet::testbed::Beside;
use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client,
    runtime::{WatchStreamExt, reflector, watcher},
};
use serde::{Deserialize, Serialize};

use super::{
    arm::{Dirs, on_its_core},
    arms::operator,
    corpus,
    load::CONNECTIONS,
    machine::{self, Memory},
    plane::Plane,
    rule::CLAIMED,
    tell,
};

/// How long memory is left to settle.
const SETTLES: Duration = Duration::from_secs(30);
/// How long everything may take to be read.
const PATIENCE: Duration = Duration::from_mins(10);
/// What the reflector writes once it has everything.
const READY: &str = "ready";

/// One program, started anew.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Start {
    pub ready_seconds: f64,
    pub memory: Memory,
}

/// Both, several times.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Footprint {
    pub pods: usize,
    pub carnet: Vec<Start>,
    pub reflector: Vec<Start>,
}

/// Fills an API server with Pods and starts both, A B B A.
pub async fn measure(dirs: &Dirs, pods: usize, rounds: usize) -> Result<Footprint> {
    let plane = Plane::start().await?;
    plane.stand_still()?;
    let began = Instant::now();
    fill(&plane, pods)?;
    tell(&format!("{pods} Pods are there after {:.0} s", began.elapsed().as_secs_f64()));
    let mut of = Footprint { pods, carnet: vec![], reflector: vec![] };
    for _ in 0..rounds {
        of.carnet.push(started(&plane, dirs).await?);
        of.reflector.push(reflected(&plane, dirs, pods)?);
        of.reflector.push(reflected(&plane, dirs, pods)?);
        of.carnet.push(started(&plane, dirs).await?);
    }
    Ok(of)
}

/// Creates the Pods. Nothing is installed yet, so that nobody judges them.
fn fill(plane: &Plane, pods: usize) -> Result<()> {
    let endpoint = plane.endpoint()?;
    let path = format!("/api/v1/namespaces/{CLAIMED}/pods");
    let next = AtomicUsize::new(0);
    let each = || -> Result<()> {
        let mut connection = endpoint.connect()?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= pods {
                return Ok(());
            }
            let pod = corpus::replica(number);
            let answer = connection.ask(&endpoint.request("POST", &path, pod.to_string().as_bytes()))?;
            ensure!(answer.code == 201, "{}", String::from_utf8_lossy(&answer.body));
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(each)).collect();
        threads.into_iter().try_for_each(|t| t.join().unwrap_or_else(|_| Err(anyhow!("a thread broke off"))))
    })
}

async fn started(plane: &Plane, dirs: &Dirs) -> Result<Start> {
    let began = Instant::now();
    let (mut process, metrics) = operator::alone(plane, dirs, "carnet-operator-many").await?;
    operator::ready(&mut process, metrics, PATIENCE).await?;
    settled("Carnet", &mut process, began)
}

fn reflected(plane: &Plane, dirs: &Dirs, pods: usize) -> Result<Start> {
    let began = Instant::now();
    let sign = dirs.work.join("reflector-ready");
    let _ = std::fs::remove_file(&sign);
    let mut argv = on_its_core(&std::env::current_exe()?);
    argv.extend(["reflect".into(), pods.to_string().into(), sign.clone().into()]);
    let kubeconfig = plane.access().kubeconfig_admin().into();
    let mut process = Beside::start("reflector", argv, &[("KUBECONFIG", kubeconfig)], &dirs.work)?;
    while !sign.exists() {
        process.check()?;
        ensure!(began.elapsed() < PATIENCE, "the reflector is not ready:\n{}", process.log_end());
        std::thread::sleep(Duration::from_millis(100));
    }
    settled("a typed reflector", &mut process, began)
}

fn settled(name: &str, process: &mut Beside, began: Instant) -> Result<Start> {
    let ready_seconds = began.elapsed().as_secs_f64();
    std::thread::sleep(SETTLES);
    process.check()?;
    let memory = machine::memory(process.pid())?;
    tell(&format!(
        "{name}: ready after {ready_seconds:.1} s, {:.0} MiB, {:.0} MiB at most",
        memory.resident, memory.peak
    ));
    Ok(Start { ready_seconds, memory })
}

/// A process that does nothing but keep every Pod, as kube-rs' reflector keeps them.
pub async fn reflect(pods: usize, sign: &Path) -> Result<()> {
    let client = Client::try_default().await.context("make a client")?;
    let (reader, writer) = reflector::store();
    let api: Api<Pod> = Api::all(client);
    let events = watcher(api, watcher::Config::default()).default_backoff().reflect(writer);
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        let is_whole = matches!(event?, watcher::Event::InitDone);
        if is_whole {
            let kept = reader.state().len();
            if kept < pods {
                bail!("{kept} Pods are kept, {pods} were created");
            }
            std::fs::File::create(sign)?.write_all(READY.as_bytes())?;
        }
    }
    bail!("the watch has ended")
}
