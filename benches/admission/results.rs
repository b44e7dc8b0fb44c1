//! Everything that a run has measured: written as JSON, block by block, so that every figure can be worked out again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    creations,
    flips::Flips,
    footprint::Footprint,
    in_process::{Rejudged, Scaling},
    machine::Machine,
    verdicts::Verdicts,
};

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    /// The day.
    pub began: String,
    pub machine: Machine,
    pub versions: BTreeMap<String, String>,
    /// Load average before anything was started, and at the end of the run: the run itself is part of the latter.
    pub load: [f64; 2],
    /// The machine was busy with something else, or the run is shorter than figures need.
    pub doubtful: Option<String>,
    pub verdicts: Option<Verdicts>,
    pub creations: Vec<creations::Block>,
    pub flips: Flips,
    pub scaling: Option<Scaling>,
    pub rejudged: Option<Rejudged>,
    pub footprint: Option<Footprint>,
}
