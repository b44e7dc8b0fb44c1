//! A node that runs Pods, and where its files and programs are.

use std::{ffi::OsString, path::PathBuf};

use super::{
    control_plane::Place,
    error::{TestbedError, make_dir},
};

/// A node that runs Pods.
#[derive(Clone, Debug)]
pub struct RealNode {
    /// Its name.
    pub name: String,
    /// The region of AWS that it says it is in.
    pub region: String,
}

// === impl RealNode ===

impl RealNode {
    /// A node of that name in a region of AWS.
    pub fn new(name: &str, region: &str) -> Self {
        Self { name: name.to_owned(), region: region.to_owned() }
    }
}

pub(crate) fn node_dir(place: &Place<'_>, node: &RealNode) -> Result<PathBuf, TestbedError> {
    let dir = place.dir.join(format!("node-{}", node.name));
    make_dir(&dir)?;
    Ok(dir)
}

/// Where nodes look for programs: those that were built, then the distribution's.
pub(crate) fn path(place: &Place<'_>) -> OsString {
    let mut path = place.binaries.dir().as_os_str().to_owned();
    path.push(":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    path
}
