//! What is said of the caches: how old what is known may be.

use prometheus_client::encoding::EncodeLabelSet;

use super::{
    book::{Book, Label, Values},
    known::{Known, Rows},
};
use crate::api::watched::WATCHES;

/// A watch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
pub struct WatchLabel {
    /// Plural of what is watched.
    pub watch: &'static str,
}

/// What is said of the caches.
#[derive(Clone, Debug, Default)]
pub struct CacheMetrics {
    /// Seconds since each watch was last heard.
    pub silence: Rows<WatchLabel>,
    /// Beyond this silence nothing is judged.
    pub stale_after: Known,
    /// How many snapshots were published.
    pub revision: Known,
    /// When the present snapshot was published.
    pub published: Known,
}

impl CacheMetrics {
    /// Registers them.
    pub(super) fn register(book: &mut Book) -> Self {
        let all = Self::default();
        book.add(
            "watch_silence_seconds",
            &[Label { name: "watch", values: Values::Words(&WATCHES) }],
            "Seconds since a watch was last heard: an event, a bookmark or a list; beyond carnet_stale_after_seconds \
             nothing is judged",
            all.silence.clone(),
        );
        book.add(
            "stale_after_seconds",
            &[],
            "Silence of a watch beyond which no review is judged (--stale-after)",
            all.stale_after.clone(),
        );
        book.add(
            "snapshot_revision",
            &[],
            "Number of the snapshot that is judged by, counted from the start of the process; absent before the first",
            all.revision.clone(),
        );
        book.add(
            "snapshot_timestamp_seconds",
            &[],
            "When that snapshot was published; where nothing is declared anew it ages and that is no fault: \
             carnet_watch_silence_seconds tells whether it still holds",
            all.published.clone(),
        );
        all
    }
}
