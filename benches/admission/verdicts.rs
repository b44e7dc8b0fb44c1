//! What a verdict costs each webhook, driven directly over TLS; and whether all say the same (BM2).

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::{
    arm::{Arm, Judge},
    arms::policy,
    corpus::Item,
    load::{self, Prepared},
    machine,
    plane::Plane,
    stats::to_f64,
    tell,
    wire::{Connection, find},
};

/// What is asked of the answers of a rate that counts.
const P99_MS: f64 = 10.0;
/// Shares of what a webhook answers at most that are tried, the greatest first.
const SHARES: [f64; 9] = [0.98, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.3];

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Reviews a second at which CPU and latency are compared.
    pub rate: f64,
    pub lasts: Duration,
    /// Rounds of A B C C B A.
    pub rounds: usize,
    /// Times that the greatest rate is looked for.
    pub searches: usize,
}

/// Everything that was measured, block by block.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Verdicts {
    pub reviews: usize,
    pub mean_bytes: f64,
    pub rate: f64,
    /// Shares of a core that each uses while nobody asks, in percent: what of a verdict's CPU is not the verdict's.
    pub at_rest: Vec<(Arm, f64)>,
    pub steady: Vec<Block>,
    pub saturated: Vec<Block>,
    /// The greatest rates at which 99 of 100 answers came within ten milliseconds.
    pub within: Vec<Rate>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Block {
    pub arm: Arm,
    pub rate: f64,
    pub cpu_us: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rate {
    pub arm: Arm,
    pub rate: f64,
}

/// An error unless every webhook answers every review as the rule asks.
pub fn compare(judges: &[Judge], corpus: &[Item]) -> Result<()> {
    for judge in judges {
        let mut connection = judge.endpoint.connect()?;
        for (item, Prepared { request, allowed }) in corpus.iter().zip(judge.prepared(corpus)) {
            let said = load::verdict(&mut connection, &request)?;
            ensure!(said == allowed, "{} says allowed={said}, the rule {allowed}: {}", judge.arm, item.what);
        }
        tell(&format!("{}: {} verdicts, all as the rule asks", judge.arm, corpus.len()));
    }
    Ok(())
}

/// The same of an API server that judges by itself, asked by dry runs.
pub fn compare_policy(plane: &Plane, corpus: &[Item]) -> Result<()> {
    let endpoint = plane.endpoint()?;
    let mut connection: Connection = endpoint.connect()?;
    for item in corpus {
        let namespace = item.pod["metadata"]["namespace"].as_str().unwrap_or_default();
        let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
        let answer = connection.ask(&endpoint.request("POST", &path, item.pod.to_string().as_bytes()))?;
        let said = match answer.code {
            201 => true,
            // What is no valid Pod is refused in the same way, by others.
            422 if find(&answer.body, policy::NAME.as_bytes()).is_some() => false,
            code => anyhow::bail!("{code}: {}", String::from_utf8_lossy(&answer.body)),
        };
        ensure!(said == item.allowed, "{} says allowed={said}: {}", Arm::Policy, item.what);
    }
    tell(&format!("{}: {} verdicts, all as the rule asks", Arm::Policy, corpus.len()));
    Ok(())
}

/// Measures.
pub fn measure(judges: &[Judge], corpus: &[Item], size: Size) -> Result<Verdicts> {
    let prepared: Vec<Vec<Prepared>> = judges.iter().map(|judge| judge.prepared(corpus)).collect();
    let arms: Vec<(&Judge, &[Prepared])> = judges.iter().zip(prepared.iter().map(Vec::as_slice)).collect();
    let bytes: usize = corpus.iter().map(|item| item.review.len()).sum();
    let mut of = Verdicts {
        reviews: corpus.len(),
        mean_bytes: to_f64(bytes) / to_f64(corpus.len()),
        rate: size.rate,
        at_rest: at_rest(judges, size.lasts)?,
        steady: vec![],
        saturated: vec![],
        within: vec![],
    };
    for (judge, corpus) in &arms {
        // Caches fill, connections open, threads start; not counted.
        load::run(&judge.endpoint, corpus, None, size.lasts)
            .with_context(|| format!("warm up {}", judge.arm))?;
    }
    for round in 0..size.rounds {
        for (judge, corpus) in arms.iter().chain(arms.iter().rev()) {
            let block = block(judge, corpus, Some(size.rate), size.lasts)?;
            tell(&format!(
                "round {round}: {} {:.0} µs a verdict, p99 {:.2} ms",
                judge.arm, block.cpu_us, block.p99_ms
            ));
            of.steady.push(block);
        }
        for (judge, corpus) in arms.iter().chain(arms.iter().rev()) {
            let block = block(judge, corpus, None, size.lasts)?;
            tell(&format!("round {round}: {} {:.0} verdicts a second at most", judge.arm, block.rate));
            of.saturated.push(block);
        }
    }
    for _ in 0..size.searches {
        for (judge, corpus) in &arms {
            let all: Vec<f64> = of.saturated.iter().filter(|b| b.arm == judge.arm).map(|b| b.rate).collect();
            let most = super::stats::median(&all);
            let found = greatest(judge, corpus, most, size.lasts)?;
            tell(&format!("{}: {found:.0} verdicts a second with p99 within {P99_MS} ms", judge.arm));
            of.within.push(Rate { arm: judge.arm, rate: found });
        }
    }
    Ok(of)
}

fn at_rest(judges: &[Judge], lasts: Duration) -> Result<Vec<(Arm, f64)>> {
    let used =
        || judges.iter().map(|judge| machine::cpu_seconds(judge.process.pid())).collect::<Result<Vec<_>>>();
    let before = used()?;
    std::thread::sleep(lasts);
    let shares =
        used()?.into_iter().zip(before).map(|(now, before)| (now - before) * 100.0 / lasts.as_secs_f64());
    let all: Vec<(Arm, f64)> = judges.iter().map(|judge| judge.arm).zip(shares).collect();
    tell(&format!("at rest, in percent of a core: {all:?}"));
    Ok(all)
}

fn block(judge: &Judge, corpus: &[Prepared], rate: Option<f64>, lasts: Duration) -> Result<Block> {
    let pid = judge.process.pid();
    let before = machine::cpu_seconds(pid)?;
    let done = load::run(&judge.endpoint, corpus, rate, lasts)
        .with_context(|| format!("{} at {rate:?} a second", judge.arm))?;
    let cpu = machine::cpu_seconds(pid)? - before;
    Ok(Block {
        arm: judge.arm,
        rate: done.rate(),
        cpu_us: cpu * 1e6 / to_f64(done.answers()),
        p50_ms: done.within(0.5),
        p99_ms: done.within(0.99),
    })
}

fn greatest(judge: &Judge, corpus: &[Prepared], most: f64, lasts: Duration) -> Result<f64> {
    for share in SHARES {
        let done = load::run(&judge.endpoint, corpus, Some(most * share), lasts)?;
        if done.within(0.99) <= P99_MS {
            return Ok(done.rate());
        }
    }
    Ok(0.0)
}
