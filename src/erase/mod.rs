//! The deletion Jobs' runner: the only code with store drivers and credentials.
//!
//! A step reads the run, its policy, store and the holds live, rebuilds what is to be deleted from them, and refuses
//! where that is not what the run says. `plan` counts and pins in a read-only transaction; `erase` carries out that
//! very plan in short batches, each of which checks again, and an independent count on a new connection closes it.
//!
//! [`runner`] chooses the engine, [`planning`] and [`erasing`] are the two steps and know no store, [`engine`] has what a
//! store does.

mod clocks;
mod cluster;
pub mod command;
mod engine;
mod erasing;
mod error;
mod holds;
mod live;
mod order;
mod pace;
mod planning;
mod runner;
mod secret;
mod stop;
mod tls;

pub use cluster::{ClusterView, LiveRun, Policies, Stores, ViewError, read_hold};
pub use error::EraseError;
pub use live::LiveCluster;
pub use runner::{Task, run};
pub use stop::Stop;
