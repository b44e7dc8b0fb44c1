//! The control-plane level: a real API server, scheduler and controller manager, played nodes in two regions, and the
//! operator as a process under the ServiceAccount and the rights that the project ships. One cluster for all tests here,
//! one test at a time. Without the cluster's programs this fails; it never skips.

mod answers;
mod backstop;
mod backstop_handover;
mod backstop_paths;
mod certificates;
mod diagnose;
mod doctor;
mod enforcement;
mod eviction;
mod flows;
mod forgery;
mod installed;
mod kinds;
mod opted_in;
mod promptly;
mod public_list;
mod reports;
mod rights;
mod rules;
mod seen;
mod sole;
mod steering;
mod table;
mod transfers;
mod world;

use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use world::World;

/// A test: its sentence and what it does.
type Case = (&'static str, fn(Arc<World>) -> futures::future::BoxFuture<'static, anyhow::Result<()>>);

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let cases: Vec<Case> = [
        kinds::CASES,
        rules::CASES,
        transfers::CASES,
        flows::CASES,
        opted_in::CASES,
        promptly::CASES,
        public_list::CASES,
        reports::CASES,
        table::CASES,
        forgery::CASES,
        rights::CASES,
        installed::CASES,
        seen::CASES,
        certificates::CASES,
        backstop::CASES,
        backstop_handover::CASES,
        backstop_paths::CASES,
        enforcement::CASES,
        doctor::CASES,
        diagnose::CASES,
        answers::CASES,
        sole::CASES,
        steering::CASES,
        eviction::CASES,
    ]
    .concat();
    if arguments.list {
        libtest_mimic::run(&arguments, cases.into_iter().map(|(n, _)| Trial::test(n, || Ok(()))).collect())
            .exit();
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be made");
    let world = Arc::new(runtime.block_on(World::start()).expect("the test cluster and the operator start"));
    let handle = runtime.handle().clone();
    let trials = cases
        .into_iter()
        .map(|(name, case)| {
            let (world, handle) = (world.clone(), handle.clone());
            Trial::test(name, move || {
                let limited = async {
                    tokio::time::timeout(std::time::Duration::from_mins(3), case(world.clone())).await
                };
                match handle.block_on(limited) {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(error)) => {
                        Err(Failed::from(format!("{error:#}\n--- operator\n{}", world.operator_log())))
                    }
                    Err(_) => Err(Failed::from(format!(
                        "not done after 180 s\n--- operator\n{}",
                        world.operator_log()
                    ))),
                }
            })
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(world);
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    conclusion.exit();
}

/// Declares the cases of a module: each test's sentence is its function's name.
#[macro_export]
macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        /// The tests of this module.
        pub const CASES: &[$crate::Case] = &[$((stringify!($name), |w| Box::pin($name(w)))),+];
    };
}
