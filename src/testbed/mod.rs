//! The cluster that tests and the demo use: real servers, started as plain processes, gone without a trace.
mod access;
mod binaries;
mod cgroups;
mod control_plane;
mod error;
mod image;
pub mod install;
mod kwok;
mod namespaces;
mod nodes;
mod pki;
mod postgres;
mod process;
mod state;

pub use access::{Access, MARKER};
pub use binaries::Binaries;
pub use control_plane::{ControlPlane, ControlPlaneOptions};
pub use error::TestbedError;
pub use image::Image;
pub use kwok::FakeNode;
pub use nodes::{BUSYBOX_IMAGE, Cluster, NodesOptions, RealNode};
pub use pki::{Authority, Identity};
pub use postgres::{Postgres, PostgresOptions};
pub use state::Owner;
