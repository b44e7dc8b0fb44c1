//! Flux and Argo CD, the real ones, with Carnet: what `docs/gitops.md` says of them. Nightly, since their programs take a
//! quarter of an hour to build: `make test-gitops`.

mod argocd;
mod chart;
mod files;
mod fixtures;
mod flux;
mod world;

use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use world::World;

/// A test: its sentence and what it does.
type Case = (&'static str, fn(Arc<World>) -> futures::future::BoxFuture<'static, anyhow::Result<()>>);

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let cases: Vec<Case> = [flux::CASES, argocd::CASES, chart::CASES].concat();
    if arguments.list {
        libtest_mimic::run(&arguments, cases.into_iter().map(|(n, _)| Trial::test(n, || Ok(()))).collect())
            .exit();
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be made");
    let world =
        Arc::new(runtime.block_on(World::start()).expect("the cluster, Carnet and the engines start"));
    let handle = runtime.handle().clone();
    let trials = cases
        .into_iter()
        .map(|(name, case)| {
            let (world, handle) = (world.clone(), handle.clone());
            Trial::test(name, move || {
                let limit = std::time::Duration::from_mins(5);
                let failed =
                    match handle.block_on(async { tokio::time::timeout(limit, case(world.clone())).await }) {
                        Ok(Ok(())) => return Ok(()),
                        Ok(Err(error)) => format!("{error:#}"),
                        Err(_) => "not done after five minutes".to_owned(),
                    };
                Err(Failed::from(format!("{failed}\n{}", handle.block_on(world.last_words()))))
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
