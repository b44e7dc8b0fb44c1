//! What survives `kill -9`. A real control plane, PostgreSQL, operator and runner; only the container is played, as a plain
//! process that can be killed at any moment (`carnet::testbed::PlayedKubelet`). After every kill, what is left in the
//! database is compared with what an SQL query says that was written apart from the code, and the DeletionRun's record
//! with what is really gone.
//!
//! One cluster, one operator that is killed again and again, and a second replica of it that answers admission reviews
//! and never leads, as in an installation of two. The tests run at the same time, each on a store of its own: they wait
//! more than they work. `CARNET_KILL_SEED` repeats the random moments of a run that printed its seed.

mod moments;
mod oracle;
mod points;
mod scene;
mod world;

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use libtest_mimic::{Arguments, Failed, Trial};
use world::World;

/// A test, with the world that all share.
pub type Case = Box<dyn FnOnce(Arc<World>) -> BoxFuture<'static, anyhow::Result<()>> + Send>;

/// Tests at the same time, where the caller does not say.
const AT_ONCE: usize = 12;
/// Longest life of one test.
const PATIENCE: Duration = Duration::from_mins(5);

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let cases: Vec<(String, Case)> = points::cases().into_iter().chain(moments::cases()).collect();
    if arguments.list {
        let names = cases.into_iter().map(|(name, _)| Trial::test(name, || Ok(()))).collect();
        libtest_mimic::run(&arguments, names).exit();
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be made");
    let world = Arc::new(runtime.block_on(World::start()).expect("cluster, database and operator start"));
    let trials = cases
        .into_iter()
        .map(|(name, case)| {
            let (world, handle) = (world.clone(), runtime.handle().clone());
            Trial::test(name, move || {
                let limited = async { tokio::time::timeout(PATIENCE, case(world.clone())).await };
                let failed = match handle.block_on(limited) {
                    Ok(Ok(())) => return Ok(()),
                    Ok(Err(error)) => format!("{error:#}"),
                    Err(_) => format!("not done after {} s", PATIENCE.as_secs()),
                };
                Err(Failed::from(format!("{failed}\n--- operator\n{}", world.operator_log())))
            })
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(world);
    runtime.shutdown_timeout(Duration::from_secs(5));
    conclusion.exit();
}
