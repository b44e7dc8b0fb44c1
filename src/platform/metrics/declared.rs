//! What is said of declared objects.

use prometheus_client::encoding::EncodeLabelSet;

use super::{
    book::{Book, Label, Values},
    known::Rows,
};

/// Kinds that people declare.
pub const DECLARED_KINDS: [&str; 7] = [
    "DataPrivacyFrameworkSnapshot",
    "DataStore",
    "LegalHold",
    "Party",
    "RetentionPolicy",
    "TransferException",
    "TransferSafeguard",
];

/// Kind of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
pub struct KindLabel {
    /// One of [`DECLARED_KINDS`].
    pub kind: &'static str,
}

/// What is said of declared objects.
#[derive(Clone, Debug, Default)]
pub struct DeclaredMetrics {
    /// Objects that cannot be read, by kind.
    pub invalid: Rows<KindLabel>,
}

impl DeclaredMetrics {
    /// Registers them.
    pub(super) fn register(book: &mut Book) -> Self {
        let all = Self::default();
        book.add(
            "invalid_objects",
            &[Label { name: "kind", values: Values::Words(&DECLARED_KINDS) }],
            "Declared objects that are there and cannot be read, so that they do not count; alert on any",
            all.invalid.clone(),
        );
        all
    }
}
