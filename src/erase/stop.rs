//! Being asked to end.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// A flag that the signal handler raises and that is looked at between batches.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks to end after the present batch.
    pub fn ask(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it was asked.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
