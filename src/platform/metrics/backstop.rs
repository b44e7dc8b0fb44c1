//! What is said of the in-tree backstop. The leader alone writes it, so that all of it is absent elsewhere.

use super::{book::Book, known::Known};

/// What is said of the in-tree backstop.
#[derive(Clone, Debug, Default)]
pub struct BackstopMetrics {
    /// What the objects have no room for.
    pub left_out: Known,
    /// Objects that are not what they should be.
    pub unwritten: Known,
}

impl BackstopMetrics {
    /// Registers them.
    pub(super) fn register(book: &mut Book) -> Self {
        let all = Self::default();
        book.add(
            "backstop_left_out",
            &[],
            "Stores, names and namespaces that the TransferBackstops have no room for, so that the webhook alone judges \
             them; alert on any; absent without --backstop",
            all.left_out.clone(),
        );
        book.add(
            "backstop_unwritten",
            &[],
            "TransferBackstops that could not be written or deleted at the last try, so that the API server decides by \
             older verdicts while no replica answers; absent without --backstop",
            all.unwritten.clone(),
        );
        all
    }
}
