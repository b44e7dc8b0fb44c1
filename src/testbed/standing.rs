//! A cluster that is left up: who keeps it, how to reach it, how to end it.
//!
//! A process of its own keeps the cluster as a test would, until it is asked to end. The record names that process by
//! more than its number, so that nobody else is ever signalled.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

use super::{
    error::{TestbedError, make_dir, write},
    runtime::Runtime,
    state::{Owner, cache, sweep},
};

/// The record of the one cluster of this user that is left up.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Who keeps it.
    pub keeper: Owner,
    /// How to reach it; not there yet while it starts.
    pub ready: Option<Reach>,
}

/// How to reach a cluster that is left up.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reach {
    /// The administrator's kubeconfig.
    pub kubeconfig: PathBuf,
    /// The container runtimes of its nodes.
    pub runtimes: Vec<Runtime>,
}

// === impl Standing ===

impl Standing {
    /// The record, if its keeper still runs.
    pub fn find() -> Result<Option<Self>, TestbedError> {
        let Ok(content) = std::fs::read(file()?) else { return Ok(None) };
        let found: Option<Self> = serde_json::from_slice(&content).ok();
        Ok(found.filter(|standing| standing.keeper.reachable()))
    }

    /// Writes the record.
    pub fn save(&self) -> Result<(), TestbedError> {
        let file = file()?;
        make_dir(file.parent().unwrap_or(Path::new(".")))?;
        let content = serde_json::to_string_pretty(self)
            .map_err(|error| TestbedError::io("record the cluster")(error.into()))?;
        let partial = file.with_extension("partial");
        write(&partial, content)?;
        std::fs::rename(&partial, &file)
            .map_err(TestbedError::io(format!("record the cluster in {}", file.display())))
    }

    /// Removes the record of a cluster that is gone, and what killed clusters have left.
    pub fn forget() -> Result<(), TestbedError> {
        sweep(&cache()?.join("run"));
        match std::fs::remove_file(file()?) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(TestbedError::io("remove the record of the cluster")(error))
            }
            _ => Ok(()),
        }
    }

    /// Asks the keeper to end the cluster, kills it when that takes too long, and waits until it is gone.
    pub fn end(&self) -> Result<(), TestbedError> {
        for (signal, patience) in [(Signal::SIGTERM, 20), (Signal::SIGKILL, 10)] {
            if !self.keeper.reachable() {
                break;
            }
            let pid = i32::try_from(self.keeper.pid()).map_err(|_| {
                TestbedError::Unsuitable("the record of the cluster names no process".to_owned())
            })?;
            let _ = kill(Pid::from_raw(pid), signal);
            let deadline = Instant::now() + Duration::from_secs(patience);
            while self.keeper.reachable() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        if self.keeper.reachable() {
            return Err(TestbedError::Unsuitable(format!("process {} does not end", self.keeper.pid())));
        }
        Self::forget()
    }

    /// Where the keeper writes what it does.
    pub fn log() -> Result<PathBuf, TestbedError> {
        Ok(cache()?.join("cluster.log"))
    }
}

fn file() -> Result<PathBuf, TestbedError> {
    Ok(cache()?.join("cluster.json"))
}
