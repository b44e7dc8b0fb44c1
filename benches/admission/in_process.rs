//! What is measured on one thread without a network: reviews by number of stores (BM4), and everything that runs judged
//! again (BM8).

use std::{hint::black_box, sync::Arc, time::Instant};

use anyhow::{Result, ensure};
use carnet::{
    admission::{ReviewState, review},
    core::snapshot::Snapshot,
    index::{PodFacts, Sight},
    picture::{Known, Using, judge},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    corpus::{self, Item},
    rule::{ABROAD, ALLOWED},
    stats::{median, to_f64},
    tell, world,
};

/// Stores of the two snapshots that are compared.
pub const STORES: [usize; 2] = [100, 10_000];
const SAFEGUARDS: usize = 1_000;

/// Microseconds for a review, block by block.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scaling {
    pub few: Vec<f64>,
    pub many: Vec<f64>,
}

/// Reviews the corpus over both snapshots, A B B A.
pub fn scaling(corpus: &[Item], rounds: usize) -> Result<Scaling> {
    let [few, many] = STORES.map(|stores| world::snapshot(stores, SAFEGUARDS, false));
    let (few, many) = (few?, many?);
    let mut of = Scaling { few: vec![], many: vec![] };
    let now = Timestamp::now();
    // What uses a store that only one of them has would be answered differently.
    let corpus: Vec<&Item> =
        corpus.iter().filter(|item| item.store.is_none_or(|number| number < STORES[0])).collect();
    let once = |snapshot: &Arc<Snapshot>, counted: &mut Vec<f64>| -> Result<()> {
        let state = ReviewState {
            snapshot: snapshot.clone(),
            sight: Sight::Clear,
            pods: &world::NoPods,
            config_maps: None,
        };
        let began = Instant::now();
        for item in &corpus {
            let reviewed = black_box(review(&state, black_box(&item.review), now)?);
            ensure!(reviewed.decision.allowed == item.allowed, "{}", item.what);
        }
        counted.push(began.elapsed().as_secs_f64() * 1e6 / to_f64(corpus.len()));
        Ok(())
    };
    once(&few, &mut vec![])?;
    once(&many, &mut vec![])?;
    for _ in 0..rounds {
        once(&few, &mut of.few)?;
        once(&many, &mut of.many)?;
        once(&many, &mut of.many)?;
        once(&few, &mut of.few)?;
    }
    Ok(of)
}

/// Every so many Pods one uses a store.
const USING: usize = 5;
/// Stores that running Pods use, and some that nobody uses.
const DECLARED: usize = 1_000;

/// Milliseconds for everything that runs, block by block.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rejudged {
    pub pods: usize,
    pub using: usize,
    pub violating: i64,
    /// Finding which Pods use which stores, the first time.
    pub first_ms: f64,
    /// The same when a safeguard has come or gone.
    pub detect_ms: Vec<f64>,
    /// Judging those that do.
    pub judge_ms: Vec<f64>,
}

/// Judges so many Pods again and again, while a safeguard comes and goes.
pub fn rejudge(pods: usize, rounds: usize) -> Result<Rejudged> {
    let snapshots =
        [world::snapshot(DECLARED, SAFEGUARDS, true)?, world::snapshot(DECLARED, SAFEGUARDS, false)?];
    let mut running: Vec<Arc<PodFacts>> = (0..pods)
        .map(|number| {
            let uses = number.is_multiple_of(USING).then_some(number / USING % DECLARED);
            let region = if number % 2 == 0 { ABROAD } else { ALLOWED[0] };
            world::running(corpus::running(uses), number, region)
        })
        .collect::<Result<_>>()?;
    running.sort_by(|a, b| a.key.cmp(&b.key));
    let mut of =
        Rejudged { pods, using: 0, violating: 0, first_ms: 0.0, detect_ms: vec![], judge_ms: vec![] };
    let mut known = Known::default();
    for round in 0..=rounds * 2 {
        let (snapshot, now) = (&snapshots[round % 2], Timestamp::now());
        let began = Instant::now();
        let found = known.detected(snapshot, running.iter().cloned(), None);
        let detect = began.elapsed();
        let using: Vec<Using> =
            found.into_iter().map(|(pod, found)| Using::new(pod.owner.clone(), pod, found)).collect();
        let began = Instant::now();
        let picture = black_box(judge(snapshot, black_box(&using), now));
        let judged = began.elapsed();
        of.using = using.iter().filter(|using| !using.uses.is_empty()).count();
        of.violating = of.violating.max(picture.violating_pods);
        // As when the operator starts.
        if round == 0 {
            of.first_ms = detect.as_secs_f64() * 1000.0;
        } else {
            of.detect_ms.push(detect.as_secs_f64() * 1000.0);
            of.judge_ms.push(judged.as_secs_f64() * 1000.0);
        }
    }
    ensure!(of.using == pods.div_ceil(USING), "{} of {pods} Pods use a store", of.using);
    tell(&format!(
        "{pods} Pods: found in {:.0} ms; judged again: found in {:.0} ms, judged in {:.0} ms",
        of.first_ms,
        median(&of.detect_ms),
        median(&of.judge_ms)
    ));
    Ok(of)
}
