//! Points at which a test kills the process: before and after every write that must survive a crash.
//!
//! Compiled to nothing without the feature `failpoints`, which no image has. With it, the process aborts at the point
//! that `CARNET_FAILPOINT` names, without running destructors, as `kill -9` would.

/// Every point of the operator, for the tests that enumerate them.
pub const OPERATOR: &[&str] = &[
    "run-create-before",
    "run-create-after",
    "run-status-before",
    "run-status-after",
    "plan-job-create-before",
    "plan-job-create-after",
    "begun-before",
    "begun-after",
    "erase-job-create-before",
    "erase-job-create-after",
    "policy-status-before",
    "policy-status-after",
];

/// Aborts the process when `CARNET_FAILPOINT` is `name`.
#[cfg(feature = "failpoints")]
pub fn failpoint(name: &str) {
    if std::env::var("CARNET_FAILPOINT").is_ok_and(|wanted| wanted == name) {
        tracing::error!(failpoint = name, "aborting as asked");
        std::process::abort();
    }
}

/// Does nothing: the feature `failpoints` is off.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn failpoint(_name: &str) {}
