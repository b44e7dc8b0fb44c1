//! Leaves a test cluster up, ends it, makes images for it, and shows the main job on it.

mod demo;
mod image;

use std::{
    fs::File,
    io::Write,
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use carnet::testbed::{Cluster, FakeNode, NodesOptions, Owner, Reach, Standing};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
#[command(about)]
struct Args {
    #[command(subcommand)]
    command: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Starts a cluster with real nodes that stays up, and prints how to use it.
    Up(Wanted),
    /// Ends the cluster that is up.
    Down,
    /// Loads images into the nodes of the cluster that is up.
    Load {
        /// Archives of images.
        archives: Vec<PathBuf>,
    },
    /// Writes an image that holds static executables.
    Image(image::Wanted),
    /// Shows the main job, end to end, on a cluster of its own.
    Demo,
    /// Keeps a cluster up until it is asked to end.
    #[command(hide = true)]
    Supervise(Wanted),
}

#[derive(clap::Args)]
struct Wanted {
    /// Archives of images that the nodes are to hold.
    #[arg(long = "image")]
    images: Vec<PathBuf>,
    /// Played nodes to add beside the real ones, as name=region.
    #[arg(long = "fake-node")]
    fake_nodes: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(std::env::var("RUST_LOG").unwrap_or_else(|_| "carnet=info".to_owned()))
        .init();
    let done = match Args::parse().command {
        Action::Up(wanted) => up(&wanted),
        Action::Down => down(),
        Action::Load { archives } => load(&archives),
        Action::Image(wanted) => {
            image::write(&wanted).map(|digest| digest.iter().for_each(|digest| answer(digest)))
        }
        Action::Demo => show().await,
        Action::Supervise(wanted) => supervise(wanted).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("testbed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// For the person who waits; what a shell is to evaluate goes to standard output, by [`answer`].
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn answer(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn up(wanted: &Wanted) -> Result<()> {
    let start = Instant::now();
    if let Some(standing) = Standing::find()? {
        let reach = standing.ready.context("a cluster is just being started; ask again in half a minute")?;
        tell("the cluster is up already");
        answer(&format!("export KUBECONFIG={}", reach.kubeconfig.display()));
        return Ok(());
    }
    tell("starting a cluster with two nodes; this takes about 15 s");
    let log = Standing::log()?;
    if let Some(dir) = log.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let output = File::create(&log).with_context(|| format!("failed to make {}", log.display()))?;
    // A session of its own, so that neither Ctrl-C nor the end of the terminal reaches the keeper.
    let mut keeper = Command::new("setsid")
        .arg(std::env::current_exe()?)
        .arg("supervise")
        .args(wanted.images.iter().map(|image| format!("--image={}", image.display())))
        .args(wanted.fake_nodes.iter().map(|node| format!("--fake-node={node}")))
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .context("failed to start the cluster's keeper")?;
    loop {
        if let Some(status) = keeper.try_wait()? {
            bail!("the cluster's keeper ended with {status}:\n{}", std::fs::read_to_string(&log)?.trim_end());
        }
        if let Some(reach) = Standing::find()?.and_then(|standing| standing.ready) {
            tell(&format!(
                "the cluster is up after {} s; its keeper writes {}",
                start.elapsed().as_secs(),
                log.display()
            ));
            answer(&format!("export KUBECONFIG={}", reach.kubeconfig.display()));
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn down() -> Result<()> {
    match Standing::find()? {
        None => {
            Standing::forget()?;
            tell("no cluster is up");
        }
        Some(standing) => {
            standing.end()?;
            tell("the cluster is gone");
        }
    }
    Ok(())
}

fn load(archives: &[PathBuf]) -> Result<()> {
    let reach = Standing::find()?.and_then(|standing| standing.ready).context("no cluster is up")?;
    for archive in archives {
        let archive =
            archive.canonicalize().with_context(|| format!("failed to find {}", archive.display()))?;
        reach.runtimes.iter().try_for_each(|runtime| runtime.load(&archive))?;
    }
    Ok(())
}

/// The project's programs stand beside the directory of this one, where cargo puts both.
async fn show() -> Result<()> {
    let this = std::env::current_exe()?;
    let programs = this.ancestors().nth(2).context("this program stands in no directory of cargo's")?;
    demo::run(programs).await
}

async fn supervise(wanted: Wanted) -> Result<()> {
    let (mut end, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let keeper = Owner::this()?;
    ensure!(Standing::find()?.is_none(), "another cluster is up or being started");
    Standing { keeper: keeper.clone(), ready: None }.save()?;
    let kept = tokio::select! {
        cluster = start(wanted) => match cluster {
            Ok(cluster) => {
                let kubeconfig = cluster.kubeconfig_admin().to_owned();
                let ready = Some(Reach { kubeconfig, runtimes: cluster.runtimes().to_vec() });
                Standing { keeper, ready }.save()?;
                tokio::select! { _ = end.recv() => (), _ = interrupt.recv() => () }
                drop(cluster);
                Ok(())
            }
            Err(error) => Err(error),
        },
        _ = end.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    Standing::forget()?;
    kept
}

async fn start(wanted: Wanted) -> Result<Cluster> {
    let images = wanted
        .images
        .iter()
        .map(|image| image.canonicalize().with_context(|| format!("failed to find {}", image.display())))
        .collect::<Result<_>>()?;
    let cluster = Cluster::nodes(NodesOptions { images, ..NodesOptions::default() }).await?;
    for node in &wanted.fake_nodes {
        let (name, region) = node.split_once('=').with_context(|| format!("{node} is not name=region"))?;
        cluster.add_kwok_node(&FakeNode::aws(name, region)).await?;
    }
    Ok(cluster)
}
