//! The cluster that the command line means.

use std::path::{Path, PathBuf};

use kube::{
    Client, Config,
    config::{InferConfigError, KubeConfigOptions, Kubeconfig, KubeconfigError},
};

/// Why no cluster was reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The file that was named cannot be used.
    #[error("failed to use the kubeconfig {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<KubeconfigError>,
    },
    /// The context that was named cannot be used.
    #[error("failed to use the context {context}")]
    Context {
        /// The context.
        context: String,
        /// Why.
        source: Box<KubeconfigError>,
    },
    /// Neither a kubeconfig nor a cluster around this process.
    #[error("failed to find a cluster: no usable kubeconfig, and not inside one")]
    Nowhere(#[source] Box<InferConfigError>),
    /// The configuration makes no client.
    #[error("failed to make a client from the configuration")]
    Client(#[source] Box<kube::Error>),
}

/// A client for the named context of the named file; without them, for what kubectl would use.
pub async fn connect(file: Option<&Path>, context: Option<String>) -> Result<Client, ConnectError> {
    let options = KubeConfigOptions { context: context.clone(), ..KubeConfigOptions::default() };
    let config = match (file, context) {
        (Some(path), _) => {
            let failed = |e| ConnectError::File { path: path.to_owned(), source: Box::new(e) };
            let file = Kubeconfig::read_from(path).map_err(failed)?;
            Config::from_custom_kubeconfig(file, &options).await.map_err(failed)?
        }
        (None, Some(context)) => Config::from_kubeconfig(&options)
            .await
            .map_err(|e| ConnectError::Context { context, source: Box::new(e) })?,
        (None, None) => Config::infer().await.map_err(|e| ConnectError::Nowhere(Box::new(e)))?,
    };
    Client::try_from(config).map_err(|e| ConnectError::Client(Box::new(e)))
}
