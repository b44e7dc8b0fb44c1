//! Carnet beside Gatekeeper, Kyverno and a ValidatingAdmissionPolicy, with the same rule, on this machine: `make
//! bench-admission`. `docs/performance.md` says what is measured and how.
//!
//! Every arm has an API server of its own, started by the testbed, so that none carries another's watches. Everything but
//! what is under test is kept to one core, and that to the other one.

mod arm;
mod arms;
mod corpus;
mod creations;
mod flips;
mod footprint;
mod in_process;
mod load;
mod machine;
mod plane;
mod results;
mod rule;
mod stats;
mod tables;
mod verdicts;
mod wire;
mod world;

use std::{
    collections::BTreeMap,
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use carnet::testbed::built_by;
use clap::{Parser, Subcommand, ValueEnum};
use jiff::Timestamp;

use self::{
    arm::{Arm, Dirs, Judge},
    flips::Flips,
    machine::Machine,
    plane::Plane,
    results::Results,
};

/// More than this before the run, and somebody else is at work.
const QUIET: f64 = 0.5;
/// What stands around the figures of a page.
const FIGURES: [&str; 2] = ["<!-- figures: make performance -->", "<!-- end of figures -->"];
/// Pods of which memory is measured, unless others are asked for. A typed reflector takes a hundred kilobytes for each, and the API
/// server is on the same machine.
const FOOTPRINT: usize = 30_000;
/// Reviews of the corpus: every way to refer times every way to be pinned, ten times over.
const REVIEWS: usize = 960;

#[derive(Parser)]
#[command(about = "Carnet beside Gatekeeper, Kyverno and a ValidatingAdmissionPolicy")]
struct Args {
    #[command(subcommand)]
    command: Action,
    /// What cargo adds.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Action {
    /// Measures, and writes results and tables.
    Run(Wanted),
    /// Prints the tables of a run's results.
    Tables {
        /// Results of a run.
        results: PathBuf,
        /// Puts them into this page instead, in place of those that are there.
        #[arg(long)]
        into: Option<PathBuf>,
    },
    /// Admits everything, as a webhook.
    #[command(hide = true)]
    Admit { addr: SocketAddr, certificates: PathBuf },
    /// Keeps every Pod, as a typed reflector does.
    #[command(hide = true)]
    Reflect { pods: usize, sign: PathBuf },
}

#[derive(clap::Args)]
struct Wanted {
    /// The operator's program, optimised as it ships.
    #[arg(long)]
    operator: PathBuf,
    /// Where results (JSON) and tables (Markdown) are written.
    #[arg(long)]
    out: PathBuf,
    /// What to measure; left out = everything.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Minutes instead of an hour: to see that it works. Figures of such a run are not to be quoted.
    #[arg(long)]
    quick: bool,
    /// Run even though the machine is busy. Figures of such a run are not to be quoted.
    #[arg(long)]
    busy: bool,
    /// Pods of which memory is measured.
    #[arg(long)]
    pods: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Cost and rate of verdicts.
    Verdicts,
    /// Pods created through the API server.
    Creations,
    /// How soon an answer follows what it stands on.
    Flips,
    /// Reviews by number of stores.
    Scaling,
    /// Everything that runs judged again.
    Rejudged,
    /// Memory with many Pods.
    Footprint,
}

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tell(&format!("bench-admission: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let done = runtime.block_on(async {
        match Args::parse().command {
            Action::Run(wanted) => Box::pin(run(&wanted)).await,
            Action::Tables { results, into } => show(&results, into.as_deref()),
            Action::Admit { addr, certificates } => arms::unseeing::admit(addr, &certificates).await,
            Action::Reflect { pods, sign } => footprint::reflect(pods, &sign).await,
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("bench-admission: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// For the person who waits.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn answer(text: &str) -> Result<()> {
    Ok(write!(std::io::stdout(), "{text}")?)
}

fn show(results: &Path, into: Option<&Path>) -> Result<()> {
    let text = std::fs::read(results).with_context(|| format!("read {}", results.display()))?;
    let tables = tables::render(&serde_json::from_slice(&text)?);
    let Some(page) = into else { return answer(&tables) };
    let text = std::fs::read_to_string(page).with_context(|| format!("read {}", page.display()))?;
    let marks = || format!("{} has not both {FIGURES:?}", page.display());
    let (before, rest) = text.split_once(FIGURES[0]).with_context(marks)?;
    let (_, after) = rest.split_once(FIGURES[1]).with_context(marks)?;
    let [begin, end] = FIGURES;
    Ok(std::fs::write(page, format!("{before}{begin}\n{tables}{end}{after}"))?)
}

async fn run(wanted: &Wanted) -> Result<()> {
    let load = machine::load_average()?;
    if load > QUIET && !wanted.busy {
        bail!("the load average is {load}, more than {QUIET}: wait until nothing else runs, or say --busy");
    }
    let doubtful = match (load > QUIET, wanted.quick) {
        (true, _) => Some(format!("something else was running, the load average was {load}")),
        (false, true) => Some("the run was a quick one".to_owned()),
        (false, false) => None,
    };
    // Asked before it is kept to one core.
    let machine = Machine::this()?;
    ensure!(machine.cores >= 2, "one core is for what is under test, one for the rest");
    machine::pin(std::process::id(), machine::OTHERS)?;
    let work = tempfile::Builder::new().prefix("carnet-bench-").tempdir()?;
    let dirs =
        Dirs { work: work.path().to_owned(), peers: peers()?, operator: wanted.operator.canonicalize()? };
    let mut results = Results {
        began: Timestamp::now().strftime("%Y-%m-%d").to_string(),
        machine,
        versions: versions(&dirs)?,
        load: [load, load],
        doubtful,
        verdicts: None,
        creations: vec![],
        flips: Flips::default(),
        scaling: None,
        rejudged: None,
        footprint: None,
    };
    let outcome = Box::pin(measure(wanted, &dirs, &mut results)).await;
    results.load[1] = machine::load_average()?;
    if std::env::var_os("CARNET_KEEP_LOGS").is_some() {
        tell(&format!("logs: {}", work.keep().display()));
    }
    // What was measured before something failed is kept too.
    save(&wanted.out, &results)?;
    outcome?;
    answer(&tables::render(&results))
}

fn save(out: &Path, results: &Results) -> Result<()> {
    if let Some(dir) = out.parent() {
        std::fs::create_dir_all(dir)?;
    }
    std::fs::write(out, serde_json::to_vec_pretty(results)?)?;
    std::fs::write(out.with_extension("md"), tables::render(results))?;
    tell(&format!("results: {}", out.display()));
    Ok(())
}

async fn measure(wanted: &Wanted, dirs: &Dirs, results: &mut Results) -> Result<()> {
    let wants = |part| wanted.only.is_empty() || wanted.only.contains(&part);
    let quick = wanted.quick;
    let corpus = corpus::corpus(if quick { REVIEWS / 10 } else { REVIEWS });
    if wants(Part::Scaling) {
        results.scaling = Some(in_process::scaling(&corpus, if quick { 3 } else { 20 })?);
    }
    if wants(Part::Rejudged) {
        let pods = if quick { 10_000 } else { 100_000 };
        results.rejudged = Some(in_process::rejudge(pods, if quick { 2 } else { 5 })?);
    }
    if [Part::Verdicts, Part::Creations, Part::Flips].into_iter().any(wants) {
        Box::pin(beside(wanted, dirs, &corpus, results)).await?;
    }
    if wants(Part::Footprint) {
        let pods = wanted.pods.unwrap_or(if quick { 2_000 } else { FOOTPRINT });
        results.footprint = Some(footprint::measure(dirs, pods, if quick { 1 } else { 2 }).await?);
    }
    Ok(())
}

/// Everything that takes the peers.
async fn beside(wanted: &Wanted, dirs: &Dirs, corpus: &[corpus::Item], results: &mut Results) -> Result<()> {
    let wants = |part| wanted.only.is_empty() || wanted.only.contains(&part);
    let (quick, seconds) = (wanted.quick, Duration::from_secs);
    // As many as show that it knows the claims: one Pod that is refused for its Secret and some that are not.
    let probes = &corpus[..16];
    let judges = [
        arms::gatekeeper::start(Plane::start().await?, dirs, probes).await?,
        arms::kyverno::start(Plane::start().await?, dirs, probes).await?,
        arms::operator::start(Plane::start().await?, dirs, probes).await?,
    ];
    let policy = Plane::start().await?;
    arms::policy::install(&policy.client).await?;
    let (nobody, unseeing) = (Plane::start().await?, Plane::start().await?);
    let _unseeing = arms::unseeing::start(&unseeing, dirs).await?;
    judges
        .iter()
        .map(|judge| &judge.plane)
        .chain([&policy, &nobody, &unseeing])
        .try_for_each(Plane::stand_still)?;
    verdicts::compare(&judges, corpus)?;
    verdicts::compare_policy(&policy, corpus)?;
    if wants(Part::Verdicts) {
        let size = verdicts::Size {
            rate: if quick { 100.0 } else { 300.0 },
            lasts: seconds(if quick { 2 } else { 8 }),
            rounds: if quick { 1 } else { 5 },
            searches: if quick { 1 } else { 3 },
        };
        results.verdicts = Some(verdicts::measure(&judges, corpus, size)?);
    }
    let find = |arm| judges.iter().find(|judge| judge.arm == arm).context("an arm is missing");
    if wants(Part::Creations) {
        let planes: creations::Planes<'_> =
            [(Arm::Nobody, &nobody), (Arm::Unseeing, &unseeing), (Arm::Policy, &policy)]
                .into_iter()
                .chain(judges.iter().map(|Judge { arm, plane, .. }| (*arm, plane)))
                .collect();
        let size = creations::Size {
            clients: if quick { vec![10] } else { vec![1, 10, 50] },
            lasts: seconds(if quick { 2 } else { 5 }),
            rounds: if quick { 1 } else { 5 },
        };
        results.creations = creations::measure(&planes, &size)?;
    }
    if wants(Part::Flips) {
        let (carnet, gatekeeper) = (&find(Arm::Carnet)?.plane, &find(Arm::Gatekeeper)?.plane);
        results.flips.revoked = flips::revoke(carnet, if quick { 5 } else { 200 }).await?;
        results.flips.lapsed = flips::lapse(carnet, if quick { 2 } else { 50 }).await?;
        results.flips.narrowed = flips::narrow(gatekeeper, if quick { 5 } else { 50 }).await?;
    }
    Ok(())
}

/// Where the peers are: the script that builds them knows.
fn peers() -> Result<PathBuf> {
    let dir = built_by("hack/peers/build.sh")?;
    ensure!(dir.join(".complete").exists(), "the peers are not built: run hack/peers/build.sh");
    Ok(dir)
}

fn versions(dirs: &Dirs) -> Result<BTreeMap<String, String>> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = BTreeMap::new();
    let mut add = |name: &str, version: &str| all.insert(name.to_owned(), version.trim().to_owned());
    for line in std::fs::read_to_string(dirs.peers.join("VERSIONS"))?.lines() {
        if let Some((name, version)) = line.split_once(' ') {
            add(name, version);
        }
    }
    add("Kubernetes", &std::fs::read_to_string(project.join("hack/cluster/VERSION"))?);
    add("carnet", env!("CARGO_PKG_VERSION"));
    // A tree without its history has no commit.
    let commit = Command::new("git").args(["rev-parse", "--short", "HEAD"]).current_dir(project).output();
    if let Ok(output) = commit
        && output.status.success()
    {
        add("commit", &String::from_utf8_lossy(&output.stdout));
    }
    Ok(all)
}
