//! The control groups under which the nodes' Pods run, on either version of the kernel's interface.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    error::{TestbedError, make_dir},
    state::Run,
};

const ROOT: &str = "/sys/fs/cgroup";

/// Makes the control group of one node in every hierarchy, recorded before it is made, and returns its name for the
/// kubelet.
pub(crate) fn make(run: &mut Run, node: &str) -> Result<String, TestbedError> {
    let name = format!("carnet-{}-{node}", run.id());
    let hierarchies = hierarchies()?;
    let groups: Vec<PathBuf> = hierarchies.iter().map(|hierarchy| hierarchy.join(&name)).collect();
    run.owns_cgroups(&groups)?;
    // Where both versions are mounted, the runtime follows into the second of its own accord.
    run.owns_cgroups(&[Path::new(ROOT).join("unified").join(&name)])?;
    for (hierarchy, group) in hierarchies.iter().zip(&groups) {
        make_dir(group)?;
        // A new group of version 1 has no processors and no memory nodes, and takes no process until it has.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if is_v2() || !group.join(file).exists() {
                continue;
            }
            let copied = fs::read(hierarchy.join(file)).and_then(|value| fs::write(group.join(file), value));
            copied.map_err(TestbedError::io(format!("set {file} of {}", group.display())))?;
        }
    }
    Ok(format!("/{name}"))
}

fn is_v2() -> bool {
    Path::new(ROOT).join("cgroup.controllers").exists()
}

fn hierarchies() -> Result<Vec<PathBuf>, TestbedError> {
    if is_v2() {
        return Ok(vec![ROOT.into()]);
    }
    let entries = fs::read_dir(ROOT).map_err(TestbedError::io(format!("list {ROOT}")))?;
    let found: Vec<PathBuf> = entries
        .flatten()
        // Version 1 links `cpu` to `cpu,cpuacct`; version 2 is mounted as `unified` beside it and not used then.
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()) && entry.file_name() != "unified")
        .map(|entry| entry.path())
        .filter(|path| path.join("cgroup.procs").exists())
        .collect();
    if found.is_empty() {
        return Err(TestbedError::Unsuitable(format!("no control groups are mounted below {ROOT}")));
    }
    Ok(found)
}
