//! How old what is known may be: when each watch was last heard.
//!
//! A watch that nobody answers any more looks like one on which nothing happens. The API server sends a bookmark about
//! every minute and before a watch ends, and a watch is taken up anew a few times within the bound; so silence beyond the
//! bound means that the world may have moved on unseen, whatever the cause: a cut connection, a right that was taken away,
//! an API server that is gone.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use crate::api::watched::{CONFIG_MAPS, JOBS, WATCHES};

/// After this much silence nothing is decided, unless the operator is told otherwise. Two bookmarks may be lost.
pub const STALE_AFTER: Duration = Duration::from_secs(150);

/// When each watch was last heard.
#[derive(Debug)]
pub struct Freshness {
    bound: Duration,
    started: Instant,
    /// Milliseconds since `started`.
    heard: Vec<(&'static str, AtomicU64)>,
}

/// Whether decisions may be made from what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Yes.
    Clear,
    /// Not yet: some watch has not listed.
    Loading,
    /// No longer: of this watch nothing was heard for so long.
    Stale {
        /// Plural of what is watched.
        watch: &'static str,
        /// For how long.
        silent: Duration,
    },
}

impl Freshness {
    /// Nothing was heard yet; ConfigMaps and Jobs only count where they are watched.
    pub fn new(bound: Duration, config_maps: bool, jobs: bool) -> Self {
        let is_watched = |watch: &&str| match *watch {
            CONFIG_MAPS => config_maps,
            JOBS => jobs,
            _ => true,
        };
        Self {
            bound,
            started: Instant::now(),
            heard: WATCHES.into_iter().filter(is_watched).map(|watch| (watch, AtomicU64::new(0))).collect(),
        }
    }

    /// A watch was heard just now: an event, a bookmark, a list, or that the API server took it up.
    pub fn heard(&self, watch: &str) {
        self.heard_at(watch, Instant::now());
    }

    /// How long each watch has been silent.
    pub fn silences(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        self.silences_at(Instant::now())
    }

    /// The watch that has been silent for longest, where that is too long.
    pub fn stale(&self) -> Option<(&'static str, Duration)> {
        self.stale_at(Instant::now())
    }

    fn heard_at(&self, watch: &str, now: Instant) {
        let millis = now.saturating_duration_since(self.started).as_millis();
        if let Some((_, heard)) = self.heard.iter().find(|(name, _)| *name == watch) {
            heard.fetch_max(u64::try_from(millis).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    fn silences_at(&self, now: Instant) -> impl Iterator<Item = (&'static str, Duration)> {
        let since = now.saturating_duration_since(self.started);
        self.heard.iter().map(move |(name, heard)| {
            (*name, since.saturating_sub(Duration::from_millis(heard.load(Ordering::Relaxed))))
        })
    }

    fn stale_at(&self, now: Instant) -> Option<(&'static str, Duration)> {
        self.silences_at(now).filter(|(_, silent)| *silent > self.bound).max_by_key(|(_, silent)| *silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_secs(150);

    fn hear_all(freshness: &Freshness, at: Instant) {
        for watch in WATCHES {
            freshness.heard_at(watch, at);
        }
    }

    #[test]
    fn one_silent_watch_is_enough_and_the_bound_itself_is_not_yet_beyond_it() {
        let freshness = Freshness::new(BOUND, false, false);
        let start = freshness.started;
        hear_all(&freshness, start);
        assert_eq!(freshness.stale_at(start + BOUND), None);
        let later = start + BOUND + Duration::from_millis(1);
        for watch in WATCHES.iter().filter(|w| **w != "pods") {
            freshness.heard_at(watch, later);
        }
        assert_eq!(freshness.stale_at(later), Some(("pods", BOUND + Duration::from_millis(1))));
        freshness.heard_at("pods", later);
        assert_eq!(freshness.stale_at(later), None);
    }

    #[test]
    fn what_was_never_heard_is_silent_from_the_start() {
        let freshness = Freshness::new(BOUND, false, false);
        assert!(freshness.stale_at(freshness.started + BOUND * 2).is_some());
    }

    #[test]
    fn config_maps_and_jobs_count_only_where_they_are_watched() {
        for (config_maps, jobs, stale) in
            [(false, false, None), (true, false, Some("configmaps")), (false, true, Some("jobs"))]
        {
            let freshness = Freshness::new(BOUND, config_maps, jobs);
            let now = freshness.started + BOUND * 2;
            for watch in WATCHES.iter().filter(|watch| ![CONFIG_MAPS, JOBS].contains(watch)) {
                freshness.heard_at(watch, now);
            }
            assert_eq!(freshness.stale_at(now).map(|(watch, _)| watch), stale);
        }
    }

    #[test]
    fn an_older_answer_that_comes_late_takes_nothing_back() {
        let freshness = Freshness::new(BOUND, false, false);
        let (early, late) = (freshness.started, freshness.started + BOUND * 2);
        hear_all(&freshness, late);
        hear_all(&freshness, early);
        assert_eq!(freshness.stale_at(late), None);
    }
}
