//! The one place that turns a verdict into words: webhook, condition, event and CLI say the same sentence.

use super::{Request, Verdict};

/// All lines; the first stands alone.
pub fn message(request: &Request<'_>, verdict: &Verdict) -> String {
    let _ = (request, verdict);
    String::new()
}

/// The first line, for warnings (under 120 characters) and events.
pub fn first_line(request: &Request<'_>, verdict: &Verdict) -> String {
    message(request, verdict).lines().next().unwrap_or_default().into()
}
