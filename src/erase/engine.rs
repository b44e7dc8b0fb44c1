//! What a store's technology does so that the driver can delete from it. The driver knows no store: the next one is a
//! folder below this file, an arm in [`super::runner`], and a `Fixture` of the conformance suite (`docs/next-store.md`).

use std::{future::Future, path::Path, time::Duration};

use jiff::Timestamp;

use super::{error::EraseError, order::OrderTarget, pace::Pace};
use crate::platform::failpoint;

mod column;
pub(super) mod mariadb;
pub(super) mod postgres;

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Counting: read-only, with patience for everything that is there.
    Count,
    /// Deleting in short batches.
    Delete,
    /// Holding the lock of the store; idle otherwise.
    Lock,
}

/// What is pinned of a target's place, in the plan's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pin {
    /// Physical identity of the place within its server.
    pub object_id: i64,
    /// Hash of the predicate and of what it reads.
    pub predicate_hash: String,
}

/// Counts of one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub total: i64,
    pub due: i64,
    pub undated: i64,
    /// The oldest plausible anchor that is not due.
    pub oldest: Option<Timestamp>,
}

/// What a batch did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// Items that it deleted.
    pub items: i64,
    /// Whether that is certain. Where the reply to a commit was lost, none or all of the items are gone.
    pub is_certain: bool,
    /// How long items were locked by deleting them, from which the next batch gets its size.
    pub took: Duration,
}

/// Why a batch failed. Nothing was deleted by it in either case.
#[derive(Debug)]
pub(super) enum Failed {
    /// A lock, a deadlock: the next try may succeed.
    Retry(EraseError),
    /// Anything else.
    End(EraseError),
}

/// A target as an engine works on it.
pub(super) struct Work<'a, E: Engine> {
    /// What the run orders.
    pub target: &'a OrderTarget,
    /// What the store says of its place.
    pub place: E::Place,
    /// What of it is due.
    pub predicate: E::Predicate,
}

impl<'a, E: Engine> Work<'a, E> {
    /// Looks a target up. `latest` is the last instant at which an anchor is plausible.
    pub async fn look_up(
        session: &mut E,
        target: &'a OrderTarget,
        latest: Timestamp,
    ) -> Result<Self, EraseError> {
        let place = session.inspect(target).await?;
        let predicate = E::predicate(target, &place, latest);
        Ok(Self { target, place, predicate })
    }
}

/// A session with a store of one technology.
///
/// What every implementation keeps to, and `tests/stores/conformance` looks at: nothing but what the predicate names is ever
/// deleted, and the predicate is part of each deletion; a batch is done or not done, or says that it cannot know; what
/// cannot be deleted cleanly is refused by its name before anything goes; no error holds a value of an item.
pub(super) trait Engine: Sized + Send {
    /// What the DataStore says of the engine.
    type Settings: Sync;
    /// Where the store is and who we are there.
    type Access: Send + Sync;
    /// What the store says of a target's place. Equal means: the same place, as fit as before.
    type Place: PartialEq + Send + Sync;
    /// Which items of a place are due.
    type Predicate: Send + Sync;
    /// A way through a place, batch by batch.
    type Walk: Send;

    /// Size of the first batch, and the largest one, in the engine's own unit.
    const SIZES: (i64, i64);

    /// Reads settings and the mounted Secret.
    fn access(settings: &Self::Settings, secret: &Path) -> Result<Self::Access, EraseError>;

    /// Opens a session with settings that let nothing surprise us.
    fn open(access: &Self::Access, purpose: Purpose)
    -> impl Future<Output = Result<Self, EraseError>> + Send;

    /// Who the store is, by what it says itself. One that must not be deleted from is refused.
    fn identity(&mut self) -> impl Future<Output = Result<String, EraseError>> + Send;

    /// The store's clock.
    fn clock(&mut self) -> impl Future<Output = Result<Timestamp, EraseError>> + Send;

    /// Takes the lock by which one runner alone works on the store, where nobody has it. It goes with the session.
    fn lock(&mut self, key: [u8; 8]) -> impl Future<Output = Result<bool, EraseError>> + Send;

    /// Whether the lock is still ours.
    fn keeps_lock(&mut self) -> impl Future<Output = bool> + Send;

    /// From here on the session sees the store as it is now, where the store can do that, and cannot write.
    fn freeze(&mut self) -> impl Future<Output = Result<(), EraseError>> + Send;

    /// Looks a place up and refuses what cannot be deleted from cleanly, by name of what stands in the way.
    fn inspect(
        &mut self,
        target: &OrderTarget,
    ) -> impl Future<Output = Result<Self::Place, EraseError>> + Send;

    /// Which of a place's items are due: never one whose anchor is missing or implausible.
    fn predicate(target: &OrderTarget, place: &Self::Place, latest: Timestamp) -> Self::Predicate;

    /// What the plan pins.
    fn pin(target: &OrderTarget, place: &Self::Place) -> Pin;

    /// Counts a place.
    fn count(&mut self, work: &Work<'_, Self>) -> impl Future<Output = Result<Counts, EraseError>> + Send;

    /// How many items are due.
    fn due(&mut self, work: &Work<'_, Self>) -> impl Future<Output = Result<i64, EraseError>> + Send;

    /// Begins a walk over what the place holds now.
    fn walk(&mut self, work: &Work<'_, Self>) -> impl Future<Output = Result<Self::Walk, EraseError>> + Send;

    /// Whether a walk has come to the end.
    fn is_done(walk: &Self::Walk) -> bool;

    /// Deletes the due items of the walk's next part in a transaction of its own, where the store has such, and checks in
    /// it that the place is still that of the plan. After a failure the walk stands where it stood.
    fn batch(
        &mut self,
        work: &Work<'_, Self>,
        walk: &mut Self::Walk,
        pace: Pace,
    ) -> impl Future<Output = Result<Batch, Failed>> + Send;

    /// How far the replica that is furthest behind lies back; none where there is none.
    fn lag(&mut self) -> impl Future<Output = Result<Option<Duration>, EraseError>> + Send;

    /// Items that the order lets go and that are still there: reckoned another way than the predicate does.
    fn remaining(&mut self, work: &Work<'_, Self>) -> impl Future<Output = Result<i64, EraseError>> + Send;
}

/// Commits, between the two points at which a test kills the runner.
pub(super) async fn committing<T>(commit: impl Future<Output = T>) -> T {
    failpoint("erase-commit-before");
    let committed = commit.await;
    failpoint("erase-commit-after");
    committed
}

/// That a place is not the plan's any more.
pub(super) fn another_place(target: &OrderTarget) -> EraseError {
    EraseError::Table {
        dataset: target.dataset.clone(),
        table: target.shown(),
        why: "it is not the table of the plan any more".into(),
    }
}
