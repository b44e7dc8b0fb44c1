//! RetentionPolicy, already read.

use std::sync::Arc;

use super::{category::CategoryPattern, ids::ObjectKey, selector::Selector};

/// A retention policy with effective values filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Namespace and name.
    pub key: ObjectKey,
    /// Uid of the object.
    pub uid: String,
    /// Generation of the object.
    pub generation: i64,
    /// Stores of its namespace.
    pub stores: Selector,
    /// On a controller's instruction (its party) or our own (none).
    pub instructed_by: Option<Arc<str>>,
    /// Whether due data is deleted, or only counted.
    pub applies: bool,
    /// When a person is asked.
    pub approval: Approval,
    /// Rules.
    pub rules: Vec<Rule>,
    /// Hours in which deletion may run.
    pub window: Option<Window>,
    /// Look again at least so often.
    pub rescan: Period,
    /// Start so far ahead of delete-by.
    pub finish_before: Period,
    /// Bounds.
    pub limits: Limits,
}

/// When a person is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// Each plan.
    Always,
    /// The first of each deletion-relevant state.
    FirstRun,
    /// Never, save over a limit.
    Never,
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Name.
    pub name: String,
    /// Categories.
    pub categories: Vec<CategoryPattern>,
    /// Event that starts the clock.
    pub after: String,
    /// The maximum.
    pub delete_after: Period,
    /// What happens then.
    pub then: Then,
    /// The minima, each with its kind for people.
    pub grounds: Vec<(String, Period)>,
}

/// What happens to due data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// It is deleted.
    #[default]
    Delete,
    /// It is made anonymous; not carried out yet, so the data is kept.
    Deidentify,
}

/// A calendar period of ISO 8601, without clock time below hours and never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// Months (years are twelve).
    pub months: i32,
    /// Days (weeks are seven).
    pub days: i32,
    /// Seconds.
    pub seconds: i64,
}

/// Hours of the day in a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Start, minutes after midnight.
    pub start: u16,
    /// End, minutes after midnight; at or before `start` = on the next day.
    pub end: u16,
    /// Zone.
    pub zone: jiff::tz::TimeZone,
}

/// Bounds of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Items; none = no bound.
    pub max_items: Option<i64>,
    /// Share of a dataset in percent; none = no bound.
    pub max_share_percent: Option<u8>,
    /// Items for each second; none = no bound.
    pub items_per_second: Option<u32>,
    /// Replication lag in milliseconds; none = no bound.
    pub max_replication_lag_ms: Option<u64>,
    /// Runs that are kept.
    pub keep_runs: u32,
}
