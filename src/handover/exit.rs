//! How the runner's process ends: what its Job needs to know of the report.

use super::{EraseEnd, Reason, Report};

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitKind {
    /// 0.
    Done,
    /// 1: it broke off, or could not begin for now; another try may come further.
    Failed,
    /// 2: refused before the first row, and another try would be, too.
    Refused,
    /// 3: a hold stopped it.
    Held,
}

impl ExitKind {
    /// Those after which the Job does not try again.
    pub const FINAL: [Self; 2] = [Self::Refused, Self::Held];

    /// Of a report.
    pub fn of(report: &Report) -> Self {
        match report {
            Report::Plan(_) => Self::Done,
            Report::Refused(r) => match r.reason {
                Reason::Held => Self::Held,
                Reason::ClusterUnreadable
                | Reason::StoreUnreachable
                | Reason::Busy
                | Reason::Interrupted
                | Reason::Failed => Self::Failed,
                Reason::RunChanged
                | Reason::StateChanged
                | Reason::PlanChanged
                | Reason::PlanExceeded
                | Reason::ServerChanged
                | Reason::ClocksDiffer
                | Reason::TableUnfit
                | Reason::NotPermitted
                | Reason::TooLarge => Self::Refused,
            },
            Report::Erase(r) => match r.end {
                EraseEnd::Done if r.verified => Self::Done,
                EraseEnd::Held => Self::Held,
                EraseEnd::Done | EraseEnd::Interrupted | EraseEnd::Broken => Self::Failed,
            },
        }
    }

    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Refused => 2,
            Self::Held => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handover::{Refusal, Step};

    #[test]
    fn a_job_tries_again_only_where_another_try_can_come_further() {
        let of = |reason| {
            let refusal = Refusal {
                run_uid: "u".into(),
                step: Step::Erase,
                plan_hash: None,
                reason,
                message: String::new(),
            };
            ExitKind::FINAL.contains(&ExitKind::of(&Report::Refused(refusal)))
        };
        for passing in
            [Reason::Busy, Reason::StoreUnreachable, Reason::ClusterUnreadable, Reason::Interrupted]
        {
            assert!(!of(passing), "{passing}");
        }
        for lasting in
            [Reason::Held, Reason::RunChanged, Reason::StateChanged, Reason::PlanChanged, Reason::TableUnfit]
        {
            assert!(of(lasting), "{lasting}");
        }
    }
}
