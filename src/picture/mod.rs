//! What runs, judged: one picture for the reconciler, the metrics and whoever asks with `kubectl carnet`. Pure.

mod flows;
mod judge;
mod using;

pub use flows::{Standing as FlowStanding, Who, standings};
pub use judge::{
    Judged, OwnerPicture, Picture, Standing, StorePicture, Told, Using, earliest, judge, judge_each,
};
pub use using::detected;
