//! What the leader does: says what is known, and carries retention out.
//!
//! Controllers never write a declared object's spec. Each writes status alone, by server-side apply under its own field
//! manager, and only when it says something new.

pub mod backstop;
pub mod declared;
mod lapses;
pub mod reports;
pub mod retention;
mod status;
pub mod transfers;
mod wake;

use std::sync::Arc;

use kube::Client;
use tokio_util::sync::CancellationToken;

use crate::{index::Index, platform::metrics::Metrics};

pub use status::StatusWriter;

/// What every controller needs.
#[derive(Clone)]
pub struct Shared {
    /// The cluster.
    pub client: Client,
    /// What is known of it.
    pub index: Arc<Index>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Name of this replica.
    pub identity: String,
    /// Ends every controller.
    pub shutdown: CancellationToken,
}
