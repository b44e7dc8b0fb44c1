//! One address for several replicas, as a Service is: a new connection goes to one that was ready when it was last asked,
//! and one that is open stays where it is.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::site::ready;

/// How long after a change of readiness new connections go elsewhere.
const DELAY: Duration = Duration::from_millis(500);

/// Where a replica serves, and where it says whether it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub webhook: SocketAddr,
    pub metrics: SocketAddr,
}

pub struct Service {
    address: SocketAddr,
    endpoints: Arc<Mutex<Vec<Endpoint>>>,
    tasks: [JoinHandle<()>; 2],
}

impl Service {
    pub async fn start(address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let endpoints = Arc::new(Mutex::new(Vec::<Endpoint>::new()));
        let to = Arc::new(Mutex::new(Vec::<Endpoint>::new()));
        let probed = {
            let (endpoints, to) = (endpoints.clone(), to.clone());
            tokio::spawn(async move {
                loop {
                    let all = endpoints.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    let mut found = vec![];
                    for endpoint in all {
                        if ready(endpoint.metrics).await {
                            found.push(endpoint);
                        }
                    }
                    tokio::time::sleep(DELAY).await;
                    *to.lock().unwrap_or_else(PoisonError::into_inner) = found;
                }
            })
        };
        let served = tokio::spawn(async move {
            let next = AtomicUsize::new(0);
            while let Ok((mut from, _)) = listener.accept().await {
                let endpoint = {
                    let to = to.lock().unwrap_or_else(PoisonError::into_inner);
                    let turn = next.fetch_add(1, Ordering::Relaxed) % to.len().max(1);
                    to.get(turn).copied()
                };
                let Some(endpoint) = endpoint else { continue };
                tokio::spawn(async move {
                    if let Ok(mut to) = TcpStream::connect(endpoint.webhook).await {
                        let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                    }
                });
            }
        });
        Ok(Self { address, endpoints, tasks: [probed, served] })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn set(&self, endpoints: Vec<Endpoint>) {
        *self.endpoints.lock().unwrap_or_else(PoisonError::into_inner) = endpoints;
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
