//! When a controller looks again.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::index::Revision;

/// Sleeps are no longer than this: a clock that is set must not let an end go by for long.
const LONGEST: Duration = Duration::from_secs(1);

/// Waits for a change of the index or for the instant `at`. False = the end.
pub async fn wait(
    changes: &mut watch::Receiver<Revision>,
    at: Option<Timestamp>,
    shutdown: &CancellationToken,
) -> bool {
    loop {
        let now = Timestamp::now();
        let left = at.map(|at| Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO));
        if left == Some(Duration::ZERO) {
            return !shutdown.is_cancelled();
        }
        let sleep = left.map_or(LONGEST, |l| l.min(LONGEST));
        tokio::select! {
            () = shutdown.cancelled() => return false,
            changed = changes.changed() => return changed.is_ok(),
            () = tokio::time::sleep(sleep) => {}
        }
    }
}
