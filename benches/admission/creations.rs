//! Pods created through a real API server, with each arm in its way (BM3).

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};

use super::{
    arm::Arm,
    corpus, machine,
    plane::Plane,
    rule::CLAIMED,
    stats::{quantile, to_f64},
    tell,
    wire::Endpoint,
};

/// Every so many Pods one is not lawful: a webhook that fails open would be seen.
const UNLAWFUL: usize = 20;

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Size {
    pub clients: Vec<usize>,
    pub lasts: Duration,
    /// Rounds of A B C D E E D C B A.
    pub rounds: usize,
}

/// One arm for so long.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Block {
    pub arm: Arm,
    pub clients: usize,
    pub rate: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Processor time of the API server for each Pod.
    pub api_server_us: f64,
}

/// An API server, with who judges its Pods.
pub type Planes<'a> = Vec<(Arm, &'a Plane)>;

/// Measures.
pub fn measure(planes: &Planes<'_>, size: &Size) -> Result<Vec<Block>> {
    let mut blocks = vec![];
    for clients in &size.clients {
        for (arm, plane) in planes {
            // The first Pods meet empty caches.
            block(*arm, plane, *clients, size.lasts / 2)?;
        }
        for round in 0..size.rounds {
            for (arm, plane) in planes.iter().chain(planes.iter().rev()) {
                let block = block(*arm, plane, *clients, size.lasts)?;
                tell(&format!(
                    "round {round}: {arm}, {clients} clients: {:.0} Pods a second, p50 {:.1} ms, p99 {:.1} ms",
                    block.rate, block.p50_ms, block.p99_ms
                ));
                blocks.push(block);
            }
        }
    }
    Ok(blocks)
}

fn block(arm: Arm, plane: &Plane, clients: usize, lasts: Duration) -> Result<Block> {
    let endpoint = plane.endpoint()?;
    let path = format!("/api/v1/namespaces/{CLAIMED}/pods");
    let number = AtomicUsize::new(0);
    let cpu = machine::cpu_seconds(plane.api_server)?;
    let connections = (0..clients).map(|_| endpoint.connect()).collect::<Result<Vec<_>>>()?;
    let begins = Instant::now();
    let latencies: Result<Vec<Vec<f64>>> = std::thread::scope(|scope| {
        let (endpoint, path, number) = (&endpoint, &path, &number);
        let threads: Vec<_> = connections
            .into_iter()
            .map(|mut connection| {
                scope.spawn(move || -> Result<Vec<f64>> {
                    let mut latencies = vec![];
                    while begins.elapsed() < lasts {
                        let number = number.fetch_add(1, Ordering::Relaxed);
                        let (name, unlawful) = (format!("load-{number}"), number % UNLAWFUL == UNLAWFUL - 1);
                        let pod = if unlawful { corpus::abroad(&name) } else { corpus::lawful(&name) };
                        let request = endpoint.request("POST", path, pod.to_string().as_bytes());
                        let sent = Instant::now();
                        let answer = connection.ask(&request)?;
                        let took = sent.elapsed();
                        match (answer.code, unlawful && arm.refuses()) {
                            (201, false) => latencies.push(took.as_secs_f64() * 1000.0),
                            // Each engine has a code of its own for it.
                            (400 | 403 | 422, true) => {}
                            (code, _) => bail!(
                                "{arm}: Pod {name} was answered {code}: {}",
                                String::from_utf8_lossy(&answer.body)
                            ),
                        }
                    }
                    Ok(latencies)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(anyhow!("a client's thread broke off"))))
            .collect()
    });
    let (latencies, took) = (latencies?.concat(), begins.elapsed().as_secs_f64());
    let cpu = machine::cpu_seconds(plane.api_server)? - cpu;
    clear(&endpoint).context("remove the Pods")?;
    Ok(Block {
        arm,
        clients,
        rate: to_f64(latencies.len()) / took,
        p50_ms: quantile(&latencies, 0.5),
        p99_ms: quantile(&latencies, 0.99),
        api_server_us: cpu * 1e6 / to_f64(latencies.len()),
    })
}

/// Deletes every Pod of the namespace at once.
pub fn clear(endpoint: &Endpoint) -> Result<()> {
    let path = format!("/api/v1/namespaces/{CLAIMED}/pods?gracePeriodSeconds=0");
    let list = format!("/api/v1/namespaces/{CLAIMED}/pods?limit=1");
    let patience = Instant::now() + Duration::from_mins(1);
    loop {
        // A large collection may take longer than a request may.
        let answer = endpoint.connect()?.ask(&endpoint.request("DELETE", &path, b""))?;
        let left = endpoint.connect()?.ask(&endpoint.request("GET", &list, b""))?;
        let list: serde_json::Value = serde_json::from_slice(&left.body)?;
        if list["items"].as_array().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        if Instant::now() > patience {
            bail!("Pods are left: {}: {}", answer.code, String::from_utf8_lossy(&answer.body));
        }
    }
}
