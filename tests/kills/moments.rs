//! Killed at random moments: fifty of them, from a seed that is printed.

use std::{
    io::Write,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result, ensure};
use carnet::testbed::Running;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{Case, oracle::Seed, scene::Scene, world::World};

const MOMENTS: usize = 50;
/// Stores at the beginning; more are added when no runner is left that may be killed.
const STORES: usize = 12;
/// How long each process is thought to live: a moment is a part of it.
const OPERATOR: Duration = Duration::from_millis(2500);
const PLAN: Duration = Duration::from_millis(250);
const ERASE: Duration = Duration::from_secs(2);
/// A Job pauses for 10, 20, 40 seconds after its first, second, third Pod that failed: no test waits for the third.
const KILLS_OF_A_JOB: usize = 2;
/// Longest wait for a runner that may be killed.
const FOR_A_RUNNER: Duration = Duration::from_secs(4);

pub fn cases() -> Vec<(String, Case)> {
    let name = "operator_and_runner_killed_at_fifty_random_moments_leave_what_sql_says";
    vec![(name.into(), Box::new(|world| Box::pin(fifty(world))))]
}

/// Which process, and at which part of its life.
#[derive(Clone, Copy, Debug)]
enum Moment {
    Operator(f64),
    Runner(f64),
}

fn seed() -> Result<u64> {
    if let Ok(seed) = std::env::var("CARNET_KILL_SEED") {
        return seed.parse().context("CARNET_KILL_SEED is a number");
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(now.as_millis().try_into()?)
}

async fn fifty(world: Arc<World>) -> Result<()> {
    let seed = seed()?;
    // By hand, so that a run that is killed or passes has said it as well.
    writeln!(std::io::stdout(), "random moments: CARNET_KILL_SEED={seed}")?;
    killed_at_random(&world, seed).await.with_context(|| format!("CARNET_KILL_SEED={seed}"))
}

async fn killed_at_random(world: &Arc<World>, seed: u64) -> Result<()> {
    let mut rng = StdRng::seed_from_u64(seed);
    let moments: Vec<_> = (0..MOMENTS)
        .map(|_| {
            let (of_operator, part) = rng.random();
            if of_operator { Moment::Operator(part) } else { Moment::Runner(part) }
        })
        .collect();
    let of_operator = async {
        for moment in &moments {
            if let Moment::Operator(part) = moment {
                world.kill_operator_after(OPERATOR.mul_f64(*part)).await?;
            }
        }
        Ok(())
    };
    let of_runners = async {
        let mut stores = Stores { world: world.clone(), names: vec![], ends: JoinSet::new() };
        for _ in 0..STORES {
            stores.add().await?;
        }
        for moment in &moments {
            if let Moment::Runner(part) = moment {
                stores.kill_a_runner(*part, &mut rng).await?;
            }
        }
        while let Some(end) = stores.ends.join_next().await {
            end??;
        }
        Ok(())
    };
    tokio::try_join!(of_operator, of_runners).map(drop)
}

/// Stores whose runs are under way, each watched to its end.
struct Stores {
    world: Arc<World>,
    /// How the names of their Pods begin.
    names: Vec<String>,
    ends: JoinSet<Result<()>>,
}

impl Stores {
    async fn add(&mut self) -> Result<()> {
        let mut scene = Scene::new(&self.world, Seed::default()).await?;
        // Slow enough that a moment lies within it.
        scene.policy = json!({"approval": "Never", "limits": {"itemsPerSecond": 150}});
        self.names.push(scene.pods());
        scene.begin().await?;
        self.ends.spawn(async move { scene.ends_as_sql_says().await });
        Ok(())
    }

    /// Kills one of the runners at this part of its life. One that ends before is no kill, and another is chosen.
    async fn kill_a_runner(&mut self, part: f64, rng: &mut StdRng) -> Result<()> {
        let begun = Instant::now();
        let mut waited = Instant::now();
        loop {
            ensure!(begun.elapsed() < Duration::from_mins(2), "there is no runner to be killed");
            if let Some(end) = self.ends.try_join_next() {
                end??;
            }
            let runners: Vec<Running> =
                self.world.kubelet.running().into_iter().filter(|r| self.may_be_killed(r)).collect();
            let Some(victim) = runners.get(rng.random_range(0..runners.len().max(1))) else {
                if waited.elapsed() > FOR_A_RUNNER {
                    self.add().await?;
                    waited = Instant::now();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            };
            let life = if is_erase(&victim.pod) { ERASE } else { PLAN };
            tokio::time::sleep(life.mul_f64(part).saturating_sub(victim.since.elapsed())).await;
            if self.world.kubelet.kill(&victim.uid) {
                return Ok(());
            }
        }
    }

    fn may_be_killed(&self, runner: &Running) -> bool {
        let Some(store) = self.names.iter().find(|name| runner.pod.starts_with(*name)) else { return false };
        let ended = self.world.kubelet.ended(store);
        let failed = ended.iter().filter(|e| e.exit_code != 0 && is_erase(&e.pod) == is_erase(&runner.pod));
        failed.count() < KILLS_OF_A_JOB
    }
}

fn is_erase(pod: &str) -> bool {
    pod.contains("-erase-")
}
