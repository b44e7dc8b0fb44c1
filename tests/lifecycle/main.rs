//! The whole of an installation's life on real nodes: installed with Helm and with kubectl as the documents say, asked,
//! loaded while parts of it fail, killed, upgraded, uninstalled in any order. The operator runs as the Pods that are shipped,
//! from an image of this very build.
//!
//! One cluster for all tests, one test at a time, in this order: each says what it needs installed, and what is there
//! already is not installed again. The load is part of it where `CARNET_LOAD_SECONDS` says how long each phase lasts; `CARNET_LIFECYCLE_BIN` takes
//! operator and eraser from that directory in place of this build (`make load`); `CARNET_CERT_MANAGER` adds
//! what needs cert-manager (`make test-cert-manager`), `CARNET_NETWORK_POLICY` what needs a network plugin that enforces
//! NetworkPolicies (`make test-network-policy`).

mod cert_manager;
mod cluster_state;
mod dead;
mod diagnosis;
mod earlier;
mod footprint;
mod install;
mod kustomize;
mod load;
mod network_policy;
mod tools;
mod uninstall;
mod upgrade;
mod world;

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use libtest_mimic::{Arguments, Failed, Trial};
use world::World;

/// A test: its sentence and what it does.
type Case = (&'static str, fn(Arc<World>) -> BoxFuture<'static, anyhow::Result<()>>);

/// Longest life of one test.
const PATIENCE: Duration = Duration::from_mins(4);

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let cases: Vec<Case> = [
        install::CASES,
        footprint::CASES,
        dead::CASES,
        if load::is_wanted() { load::CASES } else { &[] },
        if cert_manager::is_wanted() { cert_manager::CASES } else { &[] },
        if network_policy::is_wanted() { network_policy::CASES } else { &[] },
        upgrade::CASES,
        uninstall::CASES,
        kustomize::CASES,
    ]
    .concat();
    if arguments.list {
        let names = cases.into_iter().map(|(name, _)| Trial::test(name, || Ok(()))).collect();
        libtest_mimic::run(&arguments, names).exit();
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be made");
    let world = Arc::new(runtime.block_on(World::start()).expect("the test cluster starts"));
    let trials = cases
        .into_iter()
        .map(|(name, case)| {
            let (world, handle) = (world.clone(), runtime.handle().clone());
            Trial::test(name, move || {
                let patience = PATIENCE + load::extra_patience() + upgrade::extra_patience(name);
                let limited = async { tokio::time::timeout(patience, case(world.clone())).await };
                let failed = match handle.block_on(limited) {
                    Ok(Ok(())) => return Ok(()),
                    Ok(Err(error)) => format!("{error:#}"),
                    Err(_) => format!("not done after {} s", patience.as_secs()),
                };
                // At once: the report comes when everything has run.
                load::say(&format!("FAILED: {failed}"));
                Err(Failed::from(format!("{failed}\n{}", world.diagnosis())))
            })
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(world);
    runtime.shutdown_timeout(Duration::from_secs(5));
    conclusion.exit();
}

/// Declares the cases of a module: each test's sentence is its function's name, after its module's.
#[macro_export]
macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        /// The tests of this module.
        pub const CASES: &[$crate::Case] =
            &[$((concat!(module_path!(), "::", stringify!($name)), |w| Box::pin($name(w)))),+];
    };
}
