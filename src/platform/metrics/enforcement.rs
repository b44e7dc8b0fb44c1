//! Whether what the API server enforces is what was installed. Every replica looks, and says nothing before it has.

use super::{book::Book, known::Known};

/// What is said of enforcement.
#[derive(Clone, Debug, Default)]
pub struct EnforcementMetrics {
    intact: Known,
    deviations: Known,
}

impl EnforcementMetrics {
    /// Registers them.
    pub(super) fn register(book: &mut Book) -> Self {
        let all = Self::default();
        book.add(
            "enforcement_intact",
            &[],
            "Whether policies, bindings and the webhook's configuration are as they were installed: 1 = they are, 0 = \
             something differs or cannot be seen; absent before the first look and without --enforcement",
            all.intact.clone(),
        );
        book.add(
            "enforcement_deviations",
            &[],
            "Fields and objects of policies, bindings and the webhook's configuration that are not as they were installed",
            all.deviations.clone(),
        );
        all
    }

    /// Everything is seen, and so many fields and objects differ.
    pub fn seen(&self, deviations: usize) {
        self.intact.count(usize::from(deviations == 0));
        self.deviations.count(deviations);
    }

    /// It cannot be seen.
    pub fn unseen(&self) {
        self.intact.count(0);
    }
}
