//! The cluster that tests and the demo use: real servers, started as plain processes, gone without a trace.
//!
//! [`Testbed::obtain`] takes the first of these:
//!
//! 1. the cluster of `CARNET_KUBECONFIG`, only if it holds the ConfigMap `kube-system/carnet-test-cluster`;
//! 2. for real nodes, a cluster of kind, where kind is installed and Docker answers;
//! 3. the built-in one, whose programs `make tools` has built.
//!
//! The built-in one has two levels. A [`ControlPlane`] is etcd, API server, controller manager and scheduler on loopback,
//! with kwok playing the nodes; any user can start it, and it is ready in seconds. A [`Cluster`] has real nodes as well,
//! two kubelets with a containerd each, in network, mount and PID namespaces of its own; that takes root.
//!
//! Nothing of either outlives the process that started it, whether that returns, panics or is killed: every server dies
//! with its parent, everything of a cluster with nodes dies with its namespaces, and the few directories that a killed
//! process leaves are recorded and removed by the next run. A cluster that is to stay up has a keeper of its own, see
//! [`Standing`].
//!
//! | environment variable | effect |
//! | --- | --- |
//! | `CARNET_KUBECONFIG` | use that cluster |
//! | `CARNET_HOST_ADDRESS` | the address under which that cluster reaches this machine, if it is not the obvious one |
//! | `CARNET_CLUSTER_BIN` | take the cluster's programs from that directory |
//! | `CARNET_POSTGRES_BIN` | take PostgreSQL's programs from that directory |
//! | `CARNET_MARIADB_BIN` | take MariaDB's programs from that directory |
//! | `CARNET_KEEP_LOGS` | copy the servers' logs into the cache when a run ends |

mod access;
pub mod accounts;
mod beside;
mod binaries;
mod cert_manager;
mod cgroups;
pub mod chart;
mod choice;
mod control_plane;
mod error;
pub mod gitops;
mod image;
pub mod install;
mod kind;
mod kube_router;
mod kwok;
mod mariadb;
mod namespaces;
mod nodes;
mod pki;
mod played_kubelet;
mod postgres;
mod process;
mod prometheus;
mod real_node;
mod runtime;
mod standing;
mod state;

pub use access::{Access, MARKER};
pub use beside::Beside;
pub use binaries::{Binaries, built_by};
pub use cert_manager::CertManager;
pub use choice::{Level, Testbed};
pub use control_plane::{ControlPlane, ControlPlaneOptions};
pub use error::TestbedError;
pub use image::Image;
pub use kube_router::KubeRouter;
pub use kwok::FakeNode;
pub use mariadb::{Mariadb, MariadbOptions};
pub use nodes::{Cluster, NodesOptions};
pub use pki::{Authority, Identity};
pub use played_kubelet::{Ended, PlayedKubelet, Running};
pub use postgres::{Postgres, PostgresOptions};
pub use prometheus::{Prometheus, PrometheusOptions, promtool};
pub use real_node::RealNode;
pub use runtime::{BUSYBOX_IMAGE, Runtime};
pub use standing::{Reach, Standing};
pub use state::Owner;
