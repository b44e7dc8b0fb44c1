//! Whether the clocks that a deletion stands on lie near one another: pure.
//!
//! Four machines speak of time: the operator that decided the run, the API server that stored it, the runner, and the
//! database. Whichever of them is ahead would let rows go too early, so each is compared with the others, and what lies
//! apart is refused before the first row.

use jiff::Timestamp;

use super::error::EraseError;

/// How far clocks may lie apart: more than a slow answer takes, and less than anybody promises to keep data for.
const SKEW_SECONDS: i64 = 300;

/// What the cluster says of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClusterClocks {
    /// The operator's, when it decided the run.
    pub decided_at: Timestamp,
    /// The API server's, when it stored the run: a moment later.
    pub created_at: Timestamp,
    /// The API server's, now.
    pub answered_at: Timestamp,
}

impl ClusterClocks {
    /// Compared with one another and with the runner's.
    pub fn compare(&self, runner: Timestamp) -> Result<(), EraseError> {
        near(self.answered_at, runner, "the API server's and the runner's")?;
        not_ahead(self.decided_at, runner, "the run was decided in the runner's future")?;
        not_ahead(self.created_at, runner, "the run was created in the runner's future")?;
        near(self.created_at, self.decided_at, "the API server's and the operator's, at the run's creation")
    }

    /// Compared with the database's, which was asked for at this instant of the runner's.
    pub fn compare_with_database(&self, database: Timestamp, runner: Timestamp) -> Result<(), EraseError> {
        near(database, runner, "the runner's and the server's")?;
        not_ahead(self.decided_at, database, "the run was decided in the server's future")?;
        not_ahead(self.created_at, database, "the run was created in the server's future")
    }
}

fn near(one: Timestamp, other: Timestamp, whose: &'static str) -> Result<(), EraseError> {
    let apart = (one.as_second() - other.as_second()).abs();
    if apart > SKEW_SECONDS { Err(EraseError::Clocks(apart, whose)) } else { Ok(()) }
}

fn not_ahead(instant: Timestamp, of: Timestamp, what: &'static str) -> Result<(), EraseError> {
    let ahead = instant.as_second() - of.as_second();
    if ahead > SKEW_SECONDS { Err(EraseError::Clocks(ahead, what)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        "2026-11-25T10:00:00Z".parse::<Timestamp>().unwrap() + seconds.seconds()
    }

    fn clocks(decided: i64, created: i64, answered: i64) -> ClusterClocks {
        ClusterClocks { decided_at: at(decided), created_at: at(created), answered_at: at(answered) }
    }

    fn apart(result: Result<(), EraseError>) -> Option<(i64, &'static str)> {
        match result {
            Ok(()) => None,
            Err(EraseError::Clocks(seconds, whose)) => Some((seconds, whose)),
            Err(other) => panic!("{other}"),
        }
    }

    const BEYOND: i64 = SKEW_SECONDS + 1;
    const LONG_AGO: i64 = -100_000;

    #[test]
    fn clocks_that_lie_within_the_bound_pass() {
        for skew in [-SKEW_SECONDS, 0, SKEW_SECONDS] {
            assert_eq!(apart(clocks(0, skew, 0).compare(at(0))), None);
            assert_eq!(apart(clocks(skew, 0, 0).compare(at(0))), None);
            assert_eq!(apart(clocks(0, 0, skew).compare(at(0))), None);
            assert_eq!(apart(clocks(0, 0, 0).compare_with_database(at(skew), at(0))), None);
        }
    }

    #[test]
    fn a_run_may_be_carried_out_long_after_it_was_decided() {
        let old = clocks(LONG_AGO, LONG_AGO + 1, 0);
        assert_eq!(apart(old.compare(at(0))), None);
        assert_eq!(apart(old.compare_with_database(at(0), at(0))), None);
    }

    #[test]
    fn an_api_server_ahead_of_or_behind_the_runner_is_refused() {
        for skew in [-BEYOND, BEYOND] {
            let said = apart(clocks(LONG_AGO, LONG_AGO, skew).compare(at(0)));
            assert_eq!(said, Some((BEYOND, "the API server's and the runner's")));
        }
    }

    #[test]
    fn an_operator_ahead_of_the_runner_is_refused() {
        let said = apart(clocks(BEYOND, 0, 0).compare(at(0)));
        assert_eq!(said, Some((BEYOND, "the run was decided in the runner's future")));
    }

    #[test]
    fn a_run_created_in_the_runners_future_is_refused() {
        let said = apart(clocks(0, BEYOND, 0).compare(at(0)));
        assert_eq!(said, Some((BEYOND, "the run was created in the runner's future")));
    }

    #[test]
    fn an_operator_ahead_of_or_behind_the_api_server_is_refused_however_late_the_runner_comes() {
        for skew in [-BEYOND, BEYOND] {
            let said = apart(clocks(LONG_AGO + skew, LONG_AGO, 0).compare(at(0)));
            assert_eq!(said, Some((BEYOND, "the API server's and the operator's, at the run's creation")));
        }
    }

    #[test]
    fn a_database_ahead_of_or_behind_the_runner_is_refused() {
        for skew in [-BEYOND, BEYOND] {
            let said = apart(clocks(LONG_AGO, LONG_AGO, 0).compare_with_database(at(skew), at(0)));
            assert_eq!(said, Some((BEYOND, "the runner's and the server's")));
        }
    }

    #[test]
    fn an_operator_or_an_api_server_ahead_of_the_database_is_refused() {
        // Each within the bound of the runner, and together beyond it.
        let said = |decided, created| {
            apart(clocks(decided, created, 0).compare_with_database(at(-SKEW_SECONDS), at(0)))
        };
        assert_eq!(said(1, 0), Some((BEYOND, "the run was decided in the server's future")));
        assert_eq!(said(0, 1), Some((BEYOND, "the run was created in the server's future")));
    }
}
