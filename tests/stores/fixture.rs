//! What a store brings to the conformance suite: a real server with a place for one dataset.

use std::{future::Future, path::PathBuf};

use crate::world::{Place, World};

/// A value that every item bears, and that nothing the runner says may hold.
pub const PERSONAL: &str = "ada.lovelace@example.com";

/// A real server with one dataset, of a name that has to be quoted, whose items go ten days after their anchor. It is asked
/// apart from the runner, by an account with more rights.
pub trait Fixture: Send + Sync + Sized + 'static {
    /// Module of the suite's instance, by which a test starts itself in another process.
    const NAME: &'static str;
    /// What the runner says where somebody keeps the place locked.
    const LOCKED: &'static str;

    /// A server with an empty place.
    fn start() -> impl Future<Output = Self> + Send;

    /// Another server with the same place, under the same names.
    fn another(&self) -> impl Future<Output = Self> + Send;

    /// Where the items lie.
    fn place(&self) -> Place;

    /// A directory with the keys of the store's Secret, for an account with the rights that the reference page asks for.
    fn credentials(&self) -> PathBuf;

    /// Makes the place, with so many due items, one that is not due, and some of each kind that has no plausible anchor.
    fn fill(&self, due: i64) -> impl Future<Output = Filled> + Send;

    /// Puts further due items where a walk that has begun has passed already.
    fn put_due(&self, items: i64) -> impl Future<Output = ()> + Send;

    /// Items of the place.
    fn left(&self) -> impl Future<Output = Left> + Send;

    /// Puts another place with the same items under the name; the old one stays under another.
    fn swap(&self) -> impl Future<Output = ()> + Send;

    /// Items of the place that was swapped away.
    fn left_of_old(&self) -> impl Future<Output = i64> + Send;

    /// Ends every session of the runner's account.
    fn cut(&self) -> impl Future<Output = ()> + Send;

    /// Locks the place as somebody else, who does not look at the clock.
    fn lock(&self) -> impl Future<Output = ()> + Send;

    /// Lets the lock go.
    fn unlock(&self) -> impl Future<Output = ()> + Send;

    /// Places that cannot be deleted from cleanly, each with what its refusal names.
    fn unfit() -> Vec<(String, &'static str)>;

    /// Makes such a place.
    fn make(&self, unfit: &str) -> impl Future<Output = ()> + Send;

    /// A cluster that declares the place.
    fn world(&self) -> impl Future<Output = World> + Send {
        async { World::at(self.credentials(), self.place()).await }
    }
}

/// What a place was filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Not due, one way or another.
    pub kept: i64,
    /// Of these, without a plausible anchor.
    pub undated: i64,
}

/// What is left of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Items that were due from the beginning.
    pub due: i64,
    /// All others.
    pub kept: i64,
}
