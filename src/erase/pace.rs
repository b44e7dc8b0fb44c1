//! How much a batch takes: pure.

use std::time::Duration;

/// How long the items of a batch should be locked by deleting them: locks and bloat stay short, commits stay few.
pub(super) const AIM: Duration = Duration::from_millis(50);

/// The size of the next batch, from what the ones before it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    size: i64,
    first: i64,
    most: i64,
    /// Most items in a second, where a rate is asked.
    rate: Option<u32>,
}

impl Pace {
    /// Begins with the first size. Time alone makes none smaller: where a statement is slow for its way to the server, or
    /// for the server's load, fewer items in each would make it no faster, and the whole run many times slower.
    pub fn new((first, most): (i64, i64), rate: Option<u32>) -> Self {
        let size = rate.map_or(first, |rate| first.min(i64::from(rate / 2).max(1)));
        Self { size, first, most, rate }
    }

    /// Whether more than the size may go in a batch, where that costs no more: no rate has to be kept.
    pub fn is_free(self) -> bool {
        self.rate.is_none()
    }

    /// The size of the next batch.
    pub fn size(self) -> i64 {
        self.size
    }

    /// What a batch did: so many items, locked for so long.
    pub fn after(&mut self, took: Duration, items: i64) {
        let next = if took > AIM {
            (self.size / 2).max(self.size.min(self.first))
        } else if took < AIM / 2 {
            (self.size * 2).min(self.most)
        } else {
            self.size
        };
        // A batch must not hold more than a second's worth, or the pause after it would be long.
        let much = self.rate.is_some_and(|rate| items * 2 > i64::from(rate));
        self.size = if much { (next / 4).max(1) } else { next };
    }

    /// How long a batch of so many items has to last, so that the rate is kept.
    pub fn least(self, items: i64) -> Duration {
        let Some(rate) = self.rate else { return Duration::ZERO };
        Duration::from_secs_f64(f64::from(u32::try_from(items).unwrap_or(u32::MAX)) / f64::from(rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: i64 = 16;
    const MOST: i64 = 16_384;

    fn after(size: i64, took: Duration, items: i64, rate: Option<u32>) -> i64 {
        let mut pace = Pace { size, first: FIRST, most: MOST, rate };
        pace.after(took, items);
        pace.size()
    }

    #[test]
    fn a_slow_way_to_the_server_does_not_make_batches_of_single_blocks() {
        let mut pace = Pace { size: MOST, first: FIRST, most: MOST, rate: None };
        for _ in 0..30 {
            pace.after(AIM * 4, 1);
        }
        assert_eq!(pace.size(), FIRST);
    }

    #[test]
    fn batches_grow_while_they_are_quick_and_the_rate_alone_makes_them_small() {
        assert_eq!(after(16, AIM / 4, 100, None), 32);
        assert_eq!(after(32, AIM, 100, None), 32);
        assert_eq!(after(MOST, AIM / 4, 100, None), MOST);
        assert_eq!(after(16, AIM / 4, 60, Some(100)), 8);
        assert_eq!(after(2, AIM * 4, 60, Some(100)), 1);
        assert_eq!(after(2, AIM * 4, 10, Some(100)), 2);
    }

    #[test]
    fn the_first_batch_holds_no_more_than_a_rate_lets_go_either() {
        assert_eq!(Pace::new((1000, MOST), Some(300)).size(), 150);
        assert_eq!(Pace::new((1000, MOST), Some(1)).size(), 1);
        assert_eq!(Pace::new((1000, MOST), None).size(), 1000);
    }

    #[test]
    fn a_rate_makes_a_batch_last() {
        let pace = Pace::new((FIRST, MOST), Some(100));
        assert_eq!(pace.least(50), Duration::from_millis(500));
        assert_eq!(Pace::new((FIRST, MOST), None).least(50), Duration::ZERO);
    }
}
