//! Which cluster tests and the demo use: one that was given, one of kind, or the built-in one, in this order.

use std::{ops::Deref, path::Path};

use super::{
    access::Access,
    control_plane::{ControlPlane, ControlPlaneOptions},
    error::TestbedError,
    kind::{self, Kind},
    kwok::FakeNode,
    nodes::{Cluster, NodesOptions},
    runtime::Runtime,
    standing::Standing,
    state::Run,
};

/// How much of a cluster is needed.
#[derive(Clone, Debug)]
pub enum Level {
    /// An API server with its controllers; nodes and Pods are only played.
    ControlPlane(ControlPlaneOptions),
    /// Real nodes as well, on which Pods run.
    Nodes(NodesOptions),
}

/// A cluster to test on, from wherever it came; dropping it ends it unless it was given.
#[derive(Debug)]
pub struct Testbed {
    source: Source,
}

#[derive(Debug)]
enum Source {
    Given { access: Access, runtimes: Vec<Runtime>, _run: Run },
    Kind { kind: Kind, _run: Run },
    ControlPlane(Box<ControlPlane>),
    Nodes(Box<Cluster>),
}

// === impl Testbed ===

impl Testbed {
    /// Finds or makes a cluster.
    pub async fn obtain(level: Level) -> Result<Self, TestbedError> {
        if let Some(kubeconfig) = std::env::var_os("CARNET_KUBECONFIG") {
            return Self::given(Path::new(&kubeconfig), &level).await;
        }
        let source = match level {
            Level::Nodes(options) if kind::is_usable() => {
                let run = Run::begin()?;
                let kind = Kind::start(run.id(), run.dir(), &options.nodes).await?;
                kind.load_all(&options.images)?;
                Source::Kind { kind, _run: run }
            }
            // Played nodes need no containers, so that nothing is won by kind.
            Level::ControlPlane(options) => {
                Source::ControlPlane(Box::new(ControlPlane::start(options).await?))
            }
            Level::Nodes(options) => Source::Nodes(Box::new(Cluster::nodes(options).await?)),
        };
        Ok(Self { source })
    }

    /// Makes a control plane of its own, whatever cluster is given: for tests that kill what others would need.
    pub async fn built_in(options: ControlPlaneOptions) -> Result<Self, TestbedError> {
        Ok(Self { source: Source::ControlPlane(Box::new(ControlPlane::start(options).await?)) })
    }

    /// Uses a cluster that somebody else keeps, if it is marked as one that tests may use.
    pub async fn given(kubeconfig: &Path, level: &Level) -> Result<Self, TestbedError> {
        let run = Run::begin()?;
        let access = Access::given(run.dir(), kubeconfig.to_owned()).await?;
        let standing = Standing::find()?.and_then(|standing| standing.ready);
        let runtimes = standing.filter(|reach| reach.kubeconfig == kubeconfig).map(|reach| reach.runtimes);
        let testbed =
            Self { source: Source::Given { access, runtimes: runtimes.unwrap_or_default(), _run: run } };
        if let Level::Nodes(options) = level {
            options.images.iter().try_for_each(|archive| testbed.load_image(archive))?;
        }
        Ok(testbed)
    }

    /// Loads an image from its archive into every node.
    pub fn load_image(&self, archive: &Path) -> Result<(), TestbedError> {
        match &self.source {
            Source::Given { runtimes, .. } if runtimes.is_empty() => Err(TestbedError::Unsuitable(format!(
                "the nodes of the cluster in CARNET_KUBECONFIG cannot be reached from here; load {} into them yourself",
                archive.display()
            ))),
            Source::Given { runtimes, .. } => runtimes.iter().try_for_each(|runtime| runtime.load(archive)),
            Source::Kind { kind, .. } => kind.load(archive),
            Source::Nodes(cluster) => cluster.load_image(archive),
            Source::ControlPlane(_) => Err(TestbedError::Unsuitable(
                "a control plane with played nodes has nowhere to load an image".to_owned(),
            )),
        }
    }

    /// Adds a played node and waits until Pods can be scheduled to it; a cluster that was given needs kwok for that.
    pub async fn add_kwok_node(&self, node: &FakeNode) -> Result<(), TestbedError> {
        node.create(self.client_admin().await?).await
    }
}

impl Deref for Testbed {
    type Target = Access;

    fn deref(&self) -> &Access {
        match &self.source {
            Source::Given { access, .. } => access,
            Source::Kind { kind, .. } => &kind.access,
            Source::ControlPlane(plane) => plane.access(),
            Source::Nodes(cluster) => cluster.access(),
        }
    }
}
