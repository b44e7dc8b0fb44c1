//! What survives `kill -9`. A real control plane, PostgreSQL, operator and runner; only the container is played, as a plain
//! process that can be killed at any moment (`carnet::testbed::PlayedKubelet`). After every kill, what is left in the
//! database is compared with what an SQL query says that was written apart from the code, and the DeletionRun's record
//! with what is really gone.
//!
//! One cluster, one operator that is killed again and again, and a second replica of it that answers admission reviews
//! and never leads, as in an installation of two. The tests run at the same time, each on a store of its own: they wait
//! more than they work. `CARNET_KILL_SEED` repeats the random moments of a run that printed its seed.

mod doubles;
mod moments;
mod oracle;
mod points;
mod scene;
mod stops;
mod world;

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Handle;
use world::World;

/// A test, with the world that all share.
pub type Case = Box<dyn FnOnce(Arc<World>) -> BoxFuture<'static, anyhow::Result<()>> + Send>;

/// Tests at the same time, where the caller does not say.
const AT_ONCE: usize = 12;
/// Longest life of one test.
const PATIENCE: Duration = Duration::from_mins(8);

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let together = [moments::cases(), doubles::cases(), stops::cases(), points::cases()];
    let together: Vec<(String, Case)> = together.into_iter().flatten().collect();
    let alone = stops::alone();
    if arguments.list {
        let names = together.into_iter().chain(alone).map(|(name, _)| Trial::test(name, || Ok(()))).collect();
        libtest_mimic::run(&arguments, names).exit();
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be made");
    let world = Arc::new(runtime.block_on(World::start()).expect("cluster, database and operator start"));
    let trials = |cases: Vec<(String, Case)>| {
        let trial = |(name, case)| trial(name, case, world.clone(), runtime.handle().clone());
        cases.into_iter().map(trial).collect()
    };
    // First, while there are no other stores: what concerns all of them makes all of them be planned anew.
    let conclusion = libtest_mimic::run(&arguments, trials(alone));
    let other_conclusion = libtest_mimic::run(&arguments, trials(together));
    drop(world);
    runtime.shutdown_timeout(Duration::from_secs(5));
    conclusion.exit_if_failed();
    other_conclusion.exit();
}

fn trial(name: String, case: Case, world: Arc<World>, runtime: Handle) -> Trial {
    Trial::test(name, move || {
        let limited = async { tokio::time::timeout(PATIENCE, case(world.clone())).await };
        let failed = match runtime.block_on(limited) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => format!("not done after {} s", PATIENCE.as_secs()),
        };
        Err(Failed::from(format!("{failed}\n--- operator\n{}", world.operator_log())))
    })
}

/// A test whose sentence is its function's name.
#[macro_export]
macro_rules! case {
    ($name:ident) => {{
        let case: $crate::Case = Box::new(|world| Box::pin($name(world)));
        (stringify!($name).to_owned(), case)
    }};
}
