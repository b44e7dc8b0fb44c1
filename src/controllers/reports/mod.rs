//! What runs, as `Report` objects of OpenReports, for who asks for them (`--open-reports`): one for each namespace, bounded, and
//! written only where it says something new.

mod compose;
#[cfg(test)]
mod tests;
mod write;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::watch;

use self::write::{Round, Writer};
use super::Shared;

pub use compose::Flows;

const NAME: &str = "reports";
/// Every report is called so.
pub const NAME_OF_REPORT: &str = "carnet-transfers";
/// Reports are written no more often.
const EACH: Duration = Duration::from_secs(10);
/// What could not be written is tried again after this.
const RETRY: Duration = Duration::from_mins(1);

/// Runs until shutdown; `flows` has nothing until what runs was judged once.
pub async fn run(shared: Shared, mut flows: watch::Receiver<Option<Arc<Flows>>>) {
    let mut writer = Writer::new(shared.client.clone());
    let mut before = Round::Written;
    loop {
        let seen = flows.borrow_and_update().clone();
        let mut round = before;
        if let Some(seen) = seen {
            let snapshot = shared.index.snapshot();
            let mut wanted = compose::of_namespaces(&seen, &snapshot.law.version);
            // A report cannot be written to what is going away.
            wanted.retain(|name, _| {
                snapshot.namespaces.get(name).is_some_and(|namespace| !namespace.terminating)
            });
            wanted.insert(String::new(), compose::of_safeguards(&snapshot, Timestamp::now()));
            round = writer.write(&wanted).await;
            if round == Round::Absent && before != Round::Absent {
                tracing::warn!(
                    "the definitions of openreports.io/v1alpha1 are not installed, so no report is written: install them, or \
                     leave out --open-reports"
                );
            }
            shared.metrics.transfers.reports_unwritten.count(match round {
                Round::Written => 0,
                Round::Failed(reports) => reports,
                Round::Absent => wanted.len(),
            });
            before = round;
        }
        let rest = if round == Round::Written { EACH } else { RETRY };
        tokio::select! {
            () = shared.shutdown.cancelled() => return,
            () = tokio::time::sleep(rest) => {}
        }
        if round == Round::Written {
            let changed = async {
                // Safeguards change by time alone, too.
                let _ = tokio::time::timeout(RETRY, flows.changed()).await;
            };
            tokio::select! {
                () = shared.shutdown.cancelled() => return,
                () = changed => {}
            }
        }
    }
}
