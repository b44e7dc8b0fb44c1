//! Killed at random moments.
use crate::Case;

pub fn cases() -> Vec<(String, Case)> {
    vec![]
}
