//! Carnet: personal data crosses a border only under a safeguard, and stays only as long as was promised.
//!
//! ```text
//! watch -> index (one writer) -> Arc<Snapshot> of parsed domain values, invalid objects kept with their reason
//! Snapshot + request -> core::transfer::decide -> Verdict -> admission response | condition | event | CLI text
//! Snapshot + facts + now -> core::retention::plan -> Plan -> DeletionRun -> Job -> evidence -> status
//! ```
//!
//! | module | what it is |
//! | --- | --- |
//! | [`api`] | the custom resources as users write them |
//! | [`core`] | the domain, pure: values that are right, and the decisions over them |
//! | [`parse`] | from the one to the other; every error names a field |
//! | [`detect`] | which stores a Pod uses |
//! | [`placement`] | where a Pod may run |
//! | [`handover`] | what the runner hands to the operator |
//! | `flags` | the flags that decisions read (features `operator`, `plugin`) |
//! | [`enforcement`] | whether what the API server enforces is what was installed |
//! | `picture` | what runs, judged: for the reconciler and the plugin |
//! | [`platform`] | client, certificates, events, readiness, shutdown |
//! | `index`, `admission`, `controllers`, `operator` | the operator (feature `operator`) |
//! | `erase` | the runner, with the store drivers (feature `eraser`) |
//! | `testbed` | the cluster that tests and the demo use (feature `testbed`) |
//! | `cli` | the kubectl plugin (feature `plugin`) |

pub mod api;
pub mod core;
pub mod detect;
pub mod enforcement;
pub mod handover;
pub mod parse;
pub mod placement;
pub mod platform;

#[cfg(any(feature = "operator", feature = "plugin"))]
pub mod admission;
#[cfg(feature = "operator")]
pub mod controllers;
#[cfg(any(feature = "operator", feature = "plugin"))]
pub mod flags;
#[cfg(any(feature = "operator", feature = "plugin"))]
pub mod index;
#[cfg(feature = "operator")]
pub mod operator;
#[cfg(any(feature = "operator", feature = "plugin"))]
pub mod picture;

#[cfg(feature = "eraser")]
pub mod erase;

#[cfg(feature = "plugin")]
pub mod cli;

#[cfg(feature = "testbed")]
pub mod testbed;
