//! The machine, and what the kernel says of a process: `/proc` alone, so that nothing is sampled.

use std::fs;

use anyhow::{Context, Result};
use nix::{sched::CpuSet, unistd::Pid};
use serde::{Deserialize, Serialize};

/// Ticks of `/proc/<pid>/stat` in a second: a constant of the kernel's interface.
const TICKS: f64 = 100.0;
/// The core of everything that is not under test.
pub const OTHERS: usize = 0;
/// The core of what is under test.
pub const TESTED: usize = 1;

/// What the figures were taken on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub memory_gib: f64,
    pub kernel: String,
}

/// Memory of a process in MiB.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Memory {
    pub resident: f64,
    pub peak: f64,
}

impl Machine {
    pub fn this() -> Result<Self> {
        let cpus = fs::read_to_string("/proc/cpuinfo").context("read /proc/cpuinfo")?;
        let processor = cpus.lines().find_map(|l| l.strip_prefix("model name")?.split_once(": "));
        let memory = fs::read_to_string("/proc/meminfo").context("read /proc/meminfo")?;
        Ok(Self {
            processor: processor.map_or_else(|| "unknown".to_owned(), |(_, name)| name.to_owned()),
            cores: std::thread::available_parallelism()?.get(),
            memory_gib: field(&memory, "MemTotal:")? / 1024.0,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
        })
    }
}

/// The load average of the last minute.
pub fn load_average() -> Result<f64> {
    let text = fs::read_to_string("/proc/loadavg").context("read /proc/loadavg")?;
    let first = text.split(' ').next().unwrap_or_default();
    first.parse().with_context(|| format!("/proc/loadavg holds `{text}`"))
}

/// Processor time that a process has used, in seconds: all its threads, also those that have ended.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let fields = stat(pid)?;
    let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok()).context("a short /proc/stat");
    Ok((ticks(11)? + ticks(12)?) / TICKS)
}

/// What a process has in memory.
pub fn memory(pid: u32) -> Result<Memory> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).context("read a process' status")?;
    Ok(Memory { resident: field(&text, "VmRSS:")?, peak: field(&text, "VmHWM:")? })
}

/// Keeps a process to a core, with all threads that it has and will have.
pub fn pin(pid: u32, core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core)?;
    for task in fs::read_dir(format!("/proc/{pid}/task"))?.flatten() {
        let thread: i32 = task.file_name().to_string_lossy().parse()?;
        match nix::sched::sched_setaffinity(Pid::from_raw(thread), &set) {
            // It has ended in the meantime.
            Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
            Err(error) => return Err(error).with_context(|| format!("keep {pid} to core {core}")),
        }
    }
    Ok(())
}

/// Children of this process by name.
pub fn children() -> Result<Vec<(u32, String)>> {
    let own = std::process::id().to_string();
    let mut found = vec![];
    for entry in fs::read_dir("/proc")?.flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        // It may end at any moment.
        let Ok(fields) = stat(pid) else { continue };
        if fields.get(1) == Some(&own) {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            found.push((pid, name.trim().to_owned()));
        }
    }
    Ok(found)
}

/// The fields of `/proc/<pid>/stat` from its state on: the name before it may itself hold blanks and parentheses.
fn stat(pid: u32) -> Result<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).context("read a process' stat")?;
    let (_, fields) = text.rsplit_once(')').context("a process' stat has no name")?;
    Ok(fields.split_whitespace().map(str::to_owned).collect())
}

/// A field in kB, as MiB.
fn field(text: &str, name: &str) -> Result<f64> {
    let line = text.lines().find_map(|l| l.strip_prefix(name)).with_context(|| format!("no {name}"))?;
    let number = line.trim().trim_end_matches(" kB");
    Ok(number.parse::<f64>().with_context(|| format!("{name}{line}"))? / 1024.0)
}
