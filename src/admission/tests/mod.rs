//! Reviews as the API server sends them, over declared objects as users write them.

mod draining;
mod envelope;
mod journal;
mod kinds;
mod loosening;
mod modes;
mod places;
mod secrets;
mod serving;
mod steering;
mod updates;
mod world;
