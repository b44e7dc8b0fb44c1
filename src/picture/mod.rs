//! What runs, judged: one picture for the reconciler, the metrics and whoever asks with `kubectl carnet`. Pure.

mod flows;
mod judge;
mod lapsed;
mod using;

pub use flows::{Standing as FlowStanding, Who, standings};
pub use judge::{
    Judged, OwnerPicture, Picture, Standing, StorePicture, Told, Using, earliest, is_to_go, judge, judge_each,
};
pub use lapsed::{Lapsed, LapsedPod};
pub use using::{Known, detected};
