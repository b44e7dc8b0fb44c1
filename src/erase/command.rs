//! The runner's command line: signals, the API server, the termination message.

use std::{path::PathBuf, process::ExitCode};

use super::{LiveCluster, Stop, Task, run};
use crate::{
    handover::{ExitKind, Reason, Refusal, Report, Step, encode},
    parse,
    platform::failpoint,
};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// Counts, then deletes, what a DeletionRun orders.
#[derive(Debug, Parser)]
#[command(name = "carnet-eraser", version)]
pub struct Args {
    /// `plan` counts and pins; `erase` carries out that very plan.
    step: Step,
    /// Namespace of the DeletionRun.
    #[arg(long)]
    namespace: String,
    /// Name of the DeletionRun.
    #[arg(long)]
    run: String,
    /// Uid of the DeletionRun: another of the same name is refused.
    #[arg(long)]
    run_uid: String,
    /// Hash of the plan to carry out; needed by `erase`.
    #[arg(long)]
    plan_hash: Option<String>,
    /// Directory in which the store's Secret is mounted.
    #[arg(long, default_value = "/credentials")]
    credentials_dir: PathBuf,
    /// Where the report is written.
    #[arg(long, default_value = "/dev/termination-log")]
    termination_log: PathBuf,
}

/// Carries the step out, writes its report, and says by the exit code how it ended.
pub fn main(args: &Args) -> ExitCode {
    tracing_subscriber::fmt().json().with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "starting the runtime");
            return ExitCode::FAILURE;
        }
    };
    let report = runtime.block_on(work(args));
    if let Err(error) = std::fs::write(&args.termination_log, encode(&report)) {
        tracing::error!(%error, "writing the termination message");
        return ExitCode::FAILURE;
    }
    match args.step {
        Step::Plan => failpoint("plan-reported"),
        Step::Erase => failpoint("erase-reported"),
    }
    ExitCode::from(ExitKind::of(&report).code())
}

async fn work(args: &Args) -> Report {
    let stop = Stop::default();
    let refused = |message: String| {
        Report::Refused(Refusal {
            run_uid: args.run_uid.clone(),
            step: args.step,
            plan_hash: args.plan_hash.clone(),
            reason: Reason::ClusterUnreadable,
            message,
        })
    };
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            let stop = stop.clone();
            tokio::spawn(async move {
                while terminate.recv().await.is_some() {
                    stop.ask();
                }
            });
        }
        Err(error) => return refused(format!("listening for signals: {error}")),
    }
    let client = match kube::Client::try_default().await {
        Ok(client) => client,
        Err(error) => return refused(format!("finding the API server: {error}")),
    };
    let law = match parse::law::built_in() {
        Ok(law) => law,
        Err(error) => return refused(format!("reading the law pack: {error}")),
    };
    let view = LiveCluster::new(client, &args.namespace, &args.run, law);
    let task = Task {
        step: args.step,
        run_uid: args.run_uid.clone(),
        plan_hash: args.plan_hash.clone(),
        credentials: args.credentials_dir.clone(),
    };
    run(&task, &view, &stop).await
}
