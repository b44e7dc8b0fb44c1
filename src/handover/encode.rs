//! Reports as text of bounded length.

use super::{Reason, Refusal, Report};

/// What the kubelet keeps of a termination message.
pub const LONGEST: usize = 4096;
/// What a sentence for people may take of it.
const SENTENCE: usize = 1024;

/// A termination message that is no report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the termination message is no report: {0}")]
pub struct Unreadable(String);

/// The report as JSON of at most [`LONGEST`] bytes. A report that does not fit becomes a refusal: half a plan is none.
pub fn encode(report: &Report) -> String {
    let mut report = report.clone();
    match &mut report {
        Report::Plan(_) => {}
        Report::Erase(r) => shorten(&mut r.message),
        Report::Refused(r) => shorten(&mut r.message),
    }
    match serde_json::to_string(&report) {
        Ok(text) if text.len() <= LONGEST => text,
        _ => {
            let refusal = Refusal {
                run_uid: report.run_uid().into(),
                step: report.step(),
                plan_hash: None,
                reason: Reason::TooLarge,
                message:
                    "the report does not fit a termination message: split the store's datasets over several \
                          DataStores"
                        .into(),
            };
            serde_json::to_string(&Report::Refused(refusal)).unwrap_or_default()
        }
    }
}

/// Reads a report.
pub fn decode(text: &str) -> Result<Report, Unreadable> {
    if text.len() > LONGEST {
        return Err(Unreadable("it is too long".into()));
    }
    serde_json::from_str(text).map_err(|e| Unreadable(e.to_string()))
}

/// Cuts at a whole character; JSON may write one byte as six, so quotes and controls go.
fn shorten(text: &mut String) {
    text.retain(|c| !c.is_control());
    let mut end = text.len().min(SENTENCE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::handover::{DatasetFacts, PlanReport, Step};

    fn plan(datasets: usize) -> Report {
        let facts = DatasetFacts {
            object_id: 4_294_967_295,
            predicate_hash: "0123456789abcdef".into(),
            total: 10_000_000_000,
            due: 1_000_000_000,
            undated: 1_000_000,
            held_by: None,
            oldest_remaining: Some("2026-01-01T00:00:00.123456Z".into()),
        };
        Report::Plan(PlanReport {
            run_uid: "9c1b8f5e-0000-4000-8000-000000000000".into(),
            plan_hash: format!("sha256:{}", "0".repeat(64)),
            server: "7412345678901234567/16384".into(),
            counted_at: "2026-01-01T00:00:00.123456Z".into(),
            datasets: vec![facts; datasets],
        })
    }

    #[test]
    fn a_report_comes_back_as_it_went() {
        let report = plan(30);
        assert_eq!(decode(&encode(&report)), Ok(report));
    }

    #[test]
    fn a_report_never_exceeds_what_the_kubelet_keeps() {
        let text = encode(&plan(100));
        assert!(text.len() <= LONGEST);
        assert!(matches!(decode(&text), Ok(Report::Refused(r)) if r.reason == Reason::TooLarge));
        let long = Report::Refused(Refusal {
            run_uid: "u".into(),
            step: Step::Erase,
            plan_hash: None,
            reason: Reason::Failed,
            message: "\"\u{1}é".repeat(10_000),
        });
        let text = encode(&long);
        assert!(text.len() <= LONGEST);
        assert!(matches!(decode(&text), Ok(Report::Refused(r)) if r.reason == Reason::Failed));
    }
}
