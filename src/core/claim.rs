//! A PersistentVolumeClaim that started with the files of another one.

use super::ids::ObjectKey;

/// Whose files a claim started with: whoever has the copy has them, under another name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClonedClaim {
    /// The claim.
    pub claim: ObjectKey,
    /// The claim from which it was made (`dataSource`, `dataSourceRef`).
    pub from: ObjectKey,
}
