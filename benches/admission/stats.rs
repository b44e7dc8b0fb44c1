//! Medians of blocks, and how sure a ratio of two medians is.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};

/// How often blocks are drawn anew.
const DRAWS: usize = 10_000;

/// A figure with what lies around it in 95 of 100 draws.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

/// The value below which this share of the samples is; NaN where there is none.
pub fn quantile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile_of_sorted(&sorted, share)
}

fn quantile_of_sorted(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = share.clamp(0.0, 1.0) * to_f64(last);
    let below = (0..=last).rev().find(|i| to_f64(*i) <= at).unwrap_or(0);
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (at - to_f64(below))
}

/// The middle of the samples.
pub fn median(samples: &[f64]) -> f64 {
    quantile(samples, 0.5)
}

/// The ratio of two medians over blocks that were taken in turn, with its bootstrap interval: both arms' blocks of one round
/// are drawn together, since they met the same noise.
pub fn ratio(numerator: &[f64], denominator: &[f64]) -> Interval {
    let rounds = numerator.len().min(denominator.len());
    let of = |picked: &[usize]| {
        let pick = |samples: &[f64]| median(&picked.iter().map(|i| samples[*i]).collect::<Vec<_>>());
        pick(numerator) / pick(denominator)
    };
    let all: Vec<usize> = (0..rounds).collect();
    if rounds == 0 {
        return Interval { median: f64::NAN, low: f64::NAN, high: f64::NAN };
    }
    // The same draws in every run: the same samples give the same interval.
    let mut dice = StdRng::seed_from_u64(1);
    let mut drawn: Vec<f64> = (0..DRAWS)
        .map(|_| of(&all.iter().map(|_| dice.random_range(0..rounds)).collect::<Vec<_>>()))
        .collect();
    drawn.sort_by(f64::total_cmp);
    Interval {
        median: of(&all),
        low: quantile_of_sorted(&drawn, 0.025),
        high: quantile_of_sorted(&drawn, 0.975),
    }
}

/// Counts of this program are far below what a float holds exactly.
#[expect(clippy::cast_precision_loss, reason = "counts of this program are far below 2^52")]
pub fn to_f64(count: usize) -> f64 {
    count as f64
}
