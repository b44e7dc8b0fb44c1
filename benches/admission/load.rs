//! Reviews at a fixed schedule over kept connections: open loop, latencies from the instant at which each was due.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};

use super::{
    stats::{quantile, to_f64},
    wire::{Connection, Endpoint, find},
};

/// As many as an API server keeps to a webhook that is busy.
pub const CONNECTIONS: usize = 16;
const ALLOWED: &[u8] = br#""allowed":true"#;
const REFUSED: &[u8] = br#""allowed":false"#;

/// A review for one endpoint, with the answer that the rule asks for.
pub struct Prepared {
    pub request: Vec<u8>,
    pub allowed: bool,
}

/// What came of a load.
pub struct Done {
    /// Milliseconds of each answer from when its request was due.
    latencies: Vec<f64>,
    took: Duration,
}

impl Done {
    pub fn answers(&self) -> usize {
        self.latencies.len()
    }

    pub fn rate(&self) -> f64 {
        to_f64(self.answers()) / self.took.as_secs_f64()
    }

    pub fn within(&self, share: f64) -> f64 {
        quantile(&self.latencies, share)
    }
}

/// Asks for one verdict.
pub fn verdict(connection: &mut Connection, request: &[u8]) -> Result<bool> {
    let answer = connection.ask(request)?;
    let said = || String::from_utf8_lossy(&answer.body).into_owned();
    ensure!(answer.code == 200, "the webhook answered {}: {}", answer.code, said());
    match (find(&answer.body, ALLOWED), find(&answer.body, REFUSED)) {
        (Some(_), None) => Ok(true),
        (None, Some(_)) => Ok(false),
        _ => Err(anyhow!("no verdict in {}", said())),
    }
}

/// Sends so many reviews a second for so long; without a rate, as many as get answered. An answer that the rule does not
/// ask for ends it: figures of a wrong verdict are worth nothing.
pub fn run(endpoint: &Endpoint, corpus: &[Prepared], rate: Option<f64>, lasts: Duration) -> Result<Done> {
    let next = AtomicUsize::new(0);
    let together = Barrier::new(CONNECTIONS);
    let every = rate.map(|rate| Duration::from_secs_f64(1.0 / rate));
    // All connections stand before the first request is due.
    let connections = (0..CONNECTIONS).map(|_| endpoint.connect()).collect::<Result<Vec<_>>>()?;
    let begins = Instant::now() + Duration::from_millis(50);
    let ends = begins + lasts;
    let each = |mut connection: Connection| -> Result<Vec<f64>> {
        let mut latencies = vec![];
        together.wait();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let due = match every {
                Some(every) => begins + every * u32::try_from(number).context("too many requests")?,
                None => Instant::now().max(begins),
            };
            if due >= ends {
                return Ok(latencies);
            }
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let Prepared { request, allowed } = &corpus[number % corpus.len()];
            let said = verdict(&mut connection, request).with_context(|| {
                format!("request {number}, {} ms after the first", begins.elapsed().as_millis())
            })?;
            latencies.push(due.elapsed().as_secs_f64() * 1000.0);
            ensure!(
                said == *allowed,
                "review {} was answered allowed={said} under load",
                number % corpus.len()
            );
        }
    };
    let answered: Result<Vec<Vec<f64>>> = std::thread::scope(|scope| {
        let each = &each;
        let threads: Vec<_> =
            connections.into_iter().map(|connection| scope.spawn(move || each(connection))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(anyhow!("a connection's thread broke off"))))
            .collect()
    });
    Ok(Done { latencies: answered?.concat(), took: begins.elapsed() })
}
