//! Tables of what the controller decides.
#![allow(clippy::unwrap_used, reason = "tests")]

mod counting;
mod planning;
mod steps;
mod vanishing;
mod world;
