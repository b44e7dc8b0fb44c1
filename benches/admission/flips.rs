//! How soon an answer follows what it stands on: a safeguard that is revoked, one that lapses, a constraint that is narrowed
//! (BM7). Asked through the API server, by Pods that are really created.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use carnet::{api::v1alpha1::TransferSafeguard, testbed::install};
use jiff::{SignedDuration, Timestamp};
use kube::{Api, api::DeleteParams};
use serde::{Deserialize, Serialize};

use super::{
    arms::{gatekeeper, operator},
    corpus,
    creations::clear,
    plane::Plane,
    rule::{ABROAD, ALLOWED, CLAIMED},
    tell,
    wire::{Connection, Endpoint},
};

/// How often it is asked.
const EVERY: Duration = Duration::from_millis(5);
/// An answer that takes this long to follow is given up.
const PATIENCE: Duration = Duration::from_secs(20);
/// Refusals that must follow the first one.
const AFTER: usize = 3;

/// Milliseconds until the first refusal was there.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Flips {
    /// From the API server's answer to the deletion of a safeguard.
    pub revoked: Vec<f64>,
    /// From the instant at which a safeguard ends.
    pub lapsed: Vec<f64>,
    /// From the API server's answer to a constraint without the region.
    pub narrowed: Vec<f64>,
}

/// Asks for Pods abroad.
struct Probe {
    endpoint: Endpoint,
    connection: Connection,
    number: usize,
}

impl Probe {
    fn new(plane: &Plane) -> Result<Self> {
        let endpoint = plane.endpoint()?;
        Ok(Self { connection: endpoint.connect()?, endpoint, number: 0 })
    }

    fn is_allowed(&mut self) -> Result<bool> {
        self.number += 1;
        let pod = corpus::abroad(&format!("probe-{}", self.number));
        let path = format!("/api/v1/namespaces/{CLAIMED}/pods");
        let answer =
            self.connection.ask(&self.endpoint.request("POST", &path, pod.to_string().as_bytes()))?;
        match answer.code {
            201 => Ok(true),
            400 | 403 | 422 => Ok(false),
            code => bail!("a probe was answered {code}: {}", String::from_utf8_lossy(&answer.body)),
        }
    }

    /// Asks until that is the answer.
    fn until(&mut self, allowed: bool) -> Result<Instant> {
        let began = Instant::now();
        for step in 0.. {
            if self.is_allowed()? == allowed {
                return Ok(Instant::now());
            }
            ensure!(began.elapsed() < PATIENCE, "still allowed={} after {PATIENCE:?}", !allowed);
            sleep((began + EVERY * step).saturating_duration_since(Instant::now()));
        }
        bail!("it was asked too often")
    }

    /// What was refused once stays refused.
    fn stays_refused(&mut self) -> Result<()> {
        for _ in 0..AFTER {
            ensure!(!self.is_allowed()?, "a Pod was admitted after one was refused");
        }
        clear(&self.endpoint)
    }
}

/// Revokes a safeguard so many times.
pub async fn revoke(plane: &Plane, times: usize) -> Result<Vec<f64>> {
    let safeguards: Api<TransferSafeguard> = Api::all(plane.client.clone());
    let mut probe = Probe::new(plane)?;
    let mut all = vec![];
    for _ in 0..times {
        install::apply(&plane.client, &[operator::safeguard(None)]).await?;
        probe.until(true)?;
        safeguards.delete("clauses", &DeleteParams::default()).await?;
        let revoked = Instant::now();
        all.push((probe.until(false)? - revoked).as_secs_f64() * 1000.0);
        probe.stays_refused()?;
    }
    tell(&format!("{times} safeguards were revoked"));
    Ok(all)
}

/// Has a safeguard lapse so many times.
pub async fn lapse(plane: &Plane, times: usize) -> Result<Vec<f64>> {
    let safeguards: Api<TransferSafeguard> = Api::all(plane.client.clone());
    let mut probe = Probe::new(plane)?;
    let mut all = vec![];
    for _ in 0..times {
        let end = Timestamp::from_second(Timestamp::now().as_second() + 3)?;
        install::apply(&plane.client, &[operator::safeguard(Some(end))]).await?;
        probe.until(true)?;
        let left = end.duration_since(Timestamp::now()) - SignedDuration::from_millis(100);
        sleep(Duration::try_from(left).unwrap_or_default());
        probe.until(false)?;
        let late = Timestamp::now().duration_since(end).as_secs_f64() * 1000.0;
        ensure!(late >= 0.0, "a Pod was refused {late} ms before the safeguard's end");
        all.push(late);
        probe.stays_refused()?;
    }
    safeguards.delete("clauses", &DeleteParams::default()).await?;
    tell(&format!("{times} safeguards lapsed"));
    Ok(all)
}

/// Takes a region out of Gatekeeper's constraint so many times.
pub async fn narrow(plane: &Plane, times: usize) -> Result<Vec<f64>> {
    let mut probe = Probe::new(plane)?;
    let mut all = vec![];
    let wide: Vec<&str> = ALLOWED.into_iter().chain([ABROAD]).collect();
    for _ in 0..times {
        install::apply(&plane.client, &[gatekeeper::constraint(&wide)]).await?;
        probe.until(true)?;
        install::apply(&plane.client, &[gatekeeper::constraint(&ALLOWED)]).await?;
        let narrowed = Instant::now();
        all.push((probe.until(false)? - narrowed).as_secs_f64() * 1000.0);
        probe.stays_refused()?;
    }
    tell(&format!("{times} constraints were narrowed"));
    Ok(all)
}
