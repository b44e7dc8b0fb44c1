//! Tables of what the controller decides.
#![allow(clippy::unwrap_used, reason = "tests")]

mod approving;
mod counting;
mod placing;
mod planning;
mod saying;
mod steps;
mod vanishing;
mod world;
