//! What a run of the test cluster has made outside of its own processes, recorded so that a later run can remove what a
//! killed one left behind.
//!
//! Each run has one temporary directory and, with real nodes, a few control groups. Their full names are recorded before
//! they are made. A sweep looks only at records, only at those whose owner is dead, and removes only what they name:
//! control groups with `rmdir` alone, the directory only when it is the run's own by name, kind and place.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::error::{TestbedError, make_dir, write};

const PREFIX: &str = "carnet-";

/// Tells one process from all others, also from one that gets its number later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    pid: u32,
    started: u64,
    boot: String,
    namespace: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    owner: Owner,
    dir: PathBuf,
    cgroups: Vec<PathBuf>,
}

/// One run: its directory and its record, both removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Run {
    id: String,
    record: Record,
    file: PathBuf,
}

// === impl Owner ===

impl Owner {
    /// This process.
    pub fn this() -> Result<Self, TestbedError> {
        Self::of(std::process::id())
            .ok_or_else(|| TestbedError::Unsuitable("/proc does not show this process".to_owned()))
    }

    /// The process that has this number now.
    pub fn of(pid: u32) -> Option<Self> {
        Some(Self { pid, started: started(pid)?, boot: boot()?, namespace: namespace()? })
    }

    /// A child of the process that has this number now.
    pub(crate) fn child_of(parent: u32) -> Option<Self> {
        let processes = fs::read_dir("/proc").ok()?.flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|&pid| stat(pid).is_some_and(|fields| fields.get(1) == Some(&parent.to_string())))
            .find_map(Self::of)
    }

    /// The number of the process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether that very process still runs; one in another PID namespace of this machine counts as running, because
    /// nothing can be known about it.
    pub fn alive(&self) -> bool {
        if boot().as_ref() != Some(&self.boot) {
            return false;
        }
        namespace().as_ref() != Some(&self.namespace) || started(self.pid) == Some(self.started)
    }

    /// Whether that very process still runs and can be signalled from here by its number.
    pub fn reachable(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }
}

/// Start time of a running process in clock ticks after boot; none for a zombie.
fn started(pid: u32) -> Option<u64> {
    let fields = stat(pid)?;
    if fields.first()? == "Z" {
        return None;
    }
    fields.get(19)?.parse().ok()
}

/// What the kernel tells of a process, from its state on.
fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name, in parentheses, may itself hold blanks and parentheses.
    Some(stat.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

fn boot() -> Option<String> {
    Some(fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned())
}

fn namespace() -> Option<String> {
    Some(fs::read_link("/proc/self/ns/pid").ok()?.display().to_string())
}

/// The cache directory of the project, outside of the tree.
pub(crate) fn cache() -> Result<PathBuf, TestbedError> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .filter(|base| !base.is_empty())
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))
        .ok_or_else(|| TestbedError::Unsuitable("neither HOME nor XDG_CACHE_HOME is set".to_owned()))?;
    Ok(base.join("carnet"))
}

// === impl Run ===

impl Run {
    /// Begins a run, after removing what dead runs have left.
    pub(crate) fn begin() -> Result<Self, TestbedError> {
        let records = cache()?.join("run");
        make_dir(&records)?;
        sweep(&records);
        let dir = tempfile::Builder::new()
            .prefix(PREFIX)
            .rand_bytes(8)
            // Others may pass through, for a PostgreSQL that runs as another user; each part says who may read it.
            .permissions(fs::Permissions::from_mode(0o711))
            .tempdir()
            .map_err(TestbedError::io("make a temporary directory"))?;
        let name = dir.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let id = name.trim_start_matches(PREFIX).to_owned();
        let record = Record { owner: Owner::this()?, dir: dir.path().to_owned(), cgroups: Vec::new() };
        let run = Self { file: records.join(format!("{id}.json")), id, record };
        run.save()?;
        // From here on the record answers for the directory.
        let _ = dir.keep();
        make_dir(&run.logs())?;
        Ok(run)
    }

    /// The part of every name that belongs to this run alone.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.record.dir
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.dir().join("log")
    }

    /// Records control groups that are about to be made.
    pub(crate) fn owns_cgroups(&mut self, cgroups: &[PathBuf]) -> Result<(), TestbedError> {
        self.record.cgroups.extend_from_slice(cgroups);
        self.save()
    }

    fn save(&self) -> Result<(), TestbedError> {
        let content = serde_json::to_string_pretty(&self.record)
            .map_err(|error| TestbedError::io("record the run")(error.into()))?;
        let partial = self.file.with_extension("partial");
        write(&partial, content)?;
        fs::rename(&partial, &self.file)
            .map_err(TestbedError::io(format!("record the run in {}", self.file.display())))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if std::env::var_os("CARNET_KEEP_LOGS").is_some() {
            keep_logs(self);
        }
        remove(&self.id, &self.record, &self.file, Duration::from_secs(3));
    }
}

fn keep_logs(run: &Run) {
    let Ok(kept) = cache().map(|cache| cache.join("logs").join(&run.id)) else { return };
    let Ok(logs) = fs::read_dir(run.logs()) else { return };
    if fs::create_dir_all(&kept).is_ok() {
        for log in logs.flatten() {
            let _ = fs::copy(log.path(), kept.join(log.file_name()));
        }
        tracing::info!(logs = %kept.display(), "kept the logs of the test cluster");
    }
}

/// Removes what dead runs have left.
pub(crate) fn sweep(records: &Path) {
    let Ok(entries) = fs::read_dir(records) else { return };
    for file in entries.flatten().map(|entry| entry.path()) {
        if file.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let Some(record) =
            fs::read(&file).ok().and_then(|content| serde_json::from_slice::<Record>(&content).ok())
        else {
            continue;
        };
        let id = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !record.owner.alive() {
            tracing::info!(run = %id, "removing what a killed test cluster has left");
            remove(&id, &record, &file, Duration::from_secs(1));
        }
    }
}

fn remove(id: &str, record: &Record, file: &Path, patience: Duration) {
    let mut gone = true;
    for cgroup in &record.cgroups {
        let own = cgroup.starts_with("/sys/fs/cgroup")
            && cgroup
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(&format!("{PREFIX}{id}-")));
        if own {
            gone &= remove_cgroup(cgroup, patience);
        }
    }
    if is_own_dir(id, &record.dir)
        && let Err(error) = fs::remove_dir_all(&record.dir)
    {
        tracing::warn!(dir = %record.dir.display(), %error, "could not remove a test cluster's directory");
        gone = false;
    }
    if gone {
        let _ = fs::remove_file(file);
    }
}

/// Removes a control group and those below it, which works only when no process is in them any more.
fn remove_cgroup(cgroup: &Path, patience: Duration) -> bool {
    let mut waited = Duration::ZERO;
    loop {
        if !cgroup.exists() || remove_empty(cgroup) {
            return true;
        }
        if waited >= patience {
            tracing::warn!(cgroup = %cgroup.display(), "could not remove a test cluster's control group");
            return false;
        }
        let pause = Duration::from_millis(50);
        std::thread::sleep(pause);
        waited += pause;
    }
}

fn remove_empty(dir: &Path) -> bool {
    let children = fs::read_dir(dir).into_iter().flatten().flatten();
    for child in children.filter(|child| child.file_type().is_ok_and(|kind| kind.is_dir())) {
        remove_empty(&child.path());
    }
    fs::remove_dir(dir).is_ok()
}

/// Whether a recorded directory is what a run makes: a directory of its name, no link, and nothing mounted in it.
fn is_own_dir(id: &str, dir: &Path) -> bool {
    let named = dir.is_absolute()
        && dir.file_name().is_some_and(|name| name.to_string_lossy() == format!("{PREFIX}{id}"));
    let kind = fs::symlink_metadata(dir).is_ok_and(|meta| meta.is_dir());
    let Ok(mounts) = fs::read_to_string("/proc/self/mountinfo") else { return false };
    let mounted = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .any(|point| Path::new(point).starts_with(dir));
    !id.is_empty() && named && kind && !mounted
}
