//! What can go wrong between this process and the world around it.

/// What was attempted, and why it failed.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// Neither a kubeconfig nor a service account.
    #[error("finding the cluster: no usable kubeconfig and not inside a cluster: {0}")]
    NoCluster(#[source] Box<kube::config::InferConfigError>),
    /// The client cannot be made of what was found.
    #[error("making a client: {0}")]
    Client(#[source] Box<kube::Error>),
    /// Leader election failed.
    #[cfg(feature = "operator")]
    #[error("leader election on Lease {namespace}/{name}: {source}")]
    Lease {
        /// Namespace of the Lease.
        namespace: String,
        /// Name of the Lease.
        name: String,
        /// Why.
        source: Box<kube_lease_manager::LeaseManagerError>,
    },
    /// The process cannot be told of signals.
    #[error("listening for SIGTERM and SIGINT: {0}")]
    Signals(#[source] std::io::Error),
}
