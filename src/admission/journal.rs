//! One line for each decision, fit to be kept: `docs/reference/logs.md` says what its fields mean.
//!
//! Who asked is not among them, since a user's name is personal data: the API server's audit log has it, and finds the
//! line by the annotation `review`. No text of an object is among them either: a refusal's first line is made of names
//! that were declared, and of what could not be read only that it could not.

use std::time::Duration;

use super::Decision;
use crate::core::settings::Mode;

/// What a filter takes such lines by.
pub(super) const TARGET: &str = "carnet::decision";

macro_rules! line {
    ($level:ident, $decision:ident, $took:ident) => {
        tracing::event!(
            target: TARGET,
            tracing::Level::$level,
            uid = $decision.uid,
            kind = $decision.kind,
            namespace = $decision.namespace,
            name = $decision.name,
            operation = $decision.operation,
            dry_run = $decision.dry_run,
            allowed = $decision.allowed,
            verdict = $decision.verdict,
            mode = mode($decision.mode),
            stores = $decision.stores.join(","),
            relied_on = $decision.relied_on.join(","),
            law = $decision.law,
            reason = $decision.reason,
            duration_seconds = $took.as_secs_f64(),
            "admission decided"
        )
    };
}

/// Writes the line: at `info` what somebody may ask about one day, at `debug` the many that concern no declared object.
pub(super) fn write(decision: &Decision, took: Duration) {
    if is_kept(decision) {
        line!(INFO, decision, took);
    } else {
        line!(DEBUG, decision, took);
    }
}

/// Refusals, what touches a declared store, and what is declared.
fn is_kept(decision: &Decision) -> bool {
    !decision.allowed || !decision.stores.is_empty() || decision.verdict == "valid"
}

/// The word for a mode; where nothing was judged there is none.
pub(super) fn mode(mode: Option<Mode>) -> &'static str {
    match mode {
        None => "none",
        Some(Mode::Audit) => "Audit",
        Some(Mode::Warn) => "Warn",
        Some(Mode::Enforce) => "Enforce",
    }
}
