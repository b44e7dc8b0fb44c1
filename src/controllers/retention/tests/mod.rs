//! Tables of what the controller decides.
#![allow(clippy::unwrap_used, reason = "tests")]

mod planning;
mod steps;
mod vanishing;
mod world;
