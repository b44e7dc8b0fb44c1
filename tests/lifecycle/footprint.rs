//! What an idle operator takes.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};

use crate::{cases, world::World};

cases![an_idle_operator_takes_little_memory_and_next_to_no_processor];

/// How long it is looked at.
const LOOK: Duration = Duration::from_secs(20);
/// What is promised of the programs that ship.
const MEMORY: u64 = 30_000_000;
/// Development builds take more.
const MEMORY_OF_DEVELOPMENT: u64 = 80 << 20;
/// Of one processor.
const PROCESSOR: f64 = 0.10;

async fn an_idle_operator_takes_little_memory_and_next_to_no_processor(w: Arc<World>) -> Result<()> {
    w.present().await?;
    let leader = w.leader().await?.pod;
    let replicas = w.replicas().await?;
    let usage = || -> Result<Vec<(u64, f64)>> {
        let each = |r: &crate::cluster_state::Replica| Ok(w.cluster.runtime(&r.node)?.usage(&r.container)?);
        replicas.iter().map(each).collect()
    };
    let most = if crate::world::is_release() { MEMORY } else { MEMORY_OF_DEVELOPMENT };
    let before = usage()?;
    tokio::time::sleep(LOOK).await;
    let after = usage()?;
    for ((replica, (_, from)), (memory, to)) in replicas.iter().zip(before).zip(after) {
        let processor = (to - from) / LOOK.as_secs_f64();
        let role = if replica.pod == leader { "leader" } else { "replica" };
        crate::load::say(&format!(
            "idle {role}: {:.1} MiB resident, {:.2} % of a processor",
            f64::from(u32::try_from(memory >> 10)?) / 1024.0,
            processor * 100.0
        ));
        ensure!(memory < most, "the {role} takes {memory} bytes");
        ensure!(processor < PROCESSOR, "the {role} takes {processor:.3} of a processor");
    }
    Ok(())
}
