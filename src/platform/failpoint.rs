//! Points at which a test kills the process: before and after every write that must survive a crash.
//!
//! Compiled to nothing without the feature `failpoints`, which no image has. With it, the process sends itself SIGKILL at
//! the point that `CARNET_FAILPOINT` names, or when it comes there for the n-th time (`NAME:N`): no destructor runs and
//! nothing is flushed.
//!
//! A call names its point by a literal, so that `tests/architecture` can hold the calls against these lists.

/// Every point of the operator: around each write to the API server. `tests/architecture` looks that there is no other.
///
/// The leader's Lease is the exception: a crate writes it, every few seconds, and every moment of it is as good to die at
/// as any other. Whoever dies with it leads no more; nothing but the wait for its end follows from what it says, since two
/// leaders at a time do no harm. That a killed leader's successor takes over is what every other point shows.
pub const OPERATOR: &[&str] = &[
    // The webhook's authority: the Secret, and the webhook's configuration.
    "authority-create-before",
    "authority-create-after",
    "authority-announce-before",
    "authority-announce-after",
    // Any change of the Secret: an authority begun, announced, signing, dropped, asked for, mended.
    "authority-rotate-before",
    "authority-rotate-after",
    // Verdicts for the API server's own policies.
    "backstop-write-before",
    "backstop-write-after",
    "backstop-delete-before",
    "backstop-delete-after",
    // The status of a declared object.
    "status-before",
    "status-after",
    "event-before",
    "event-after",
    // The eviction of a Pod.
    "evict-before",
    "evict-after",
    // A DeletionRun and its Jobs.
    "run-create-before",
    "run-create-after",
    "plan-job-create-before",
    "plan-job-create-after",
    // A status that changes nothing in the store yet: the plan, the approval.
    "run-status-before",
    "run-status-after",
    "begun-before",
    "begun-after",
    "erase-job-create-before",
    "erase-job-create-after",
    "ended-before",
    "ended-after",
    // Old runs that deleted nothing.
    "job-delete-before",
    "job-delete-after",
    "run-delete-before",
    "run-delete-after",
];

/// Every point of the runner: around each commit and each report, and where it holds the store's lock.
pub const RUNNER: &[&str] = &[
    "plan-counted",
    "plan-reported",
    "erase-locked",
    "erase-batch-before",
    "erase-commit-before",
    "erase-commit-after",
    "erase-verified",
    "erase-reported",
];

/// Kills the process when `CARNET_FAILPOINT` names this point.
#[cfg(feature = "failpoints")]
pub fn failpoint(name: &'static str) {
    use std::sync::atomic::{AtomicU64, Ordering};

    use nix::{
        sys::signal::{Signal, kill},
        unistd::Pid,
    };

    static PASSED: AtomicU64 = AtomicU64::new(0);
    let Ok(wanted) = std::env::var("CARNET_FAILPOINT") else { return };
    let (point, nth) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    if point != name || PASSED.fetch_add(1, Ordering::SeqCst).saturating_add(1).to_string() != nth {
        return;
    }
    tracing::error!(failpoint = name, "killing this process as asked");
    let _ = kill(Pid::this(), Signal::SIGKILL);
    // The signal is on its way; nothing more may happen here.
    loop {
        std::thread::park();
    }
}

/// Does nothing: the feature `failpoints` is off.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn failpoint(_name: &'static str) {}
