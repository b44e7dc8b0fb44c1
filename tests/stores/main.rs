//! The runner against real stores. What every store has to keep is written once (`conformance`) and run for each against its
//! real server; what only one of them has stands in its folder.
#![allow(clippy::unwrap_used, reason = "tests")]

mod conformance;
mod fixture;
mod mariadb;
mod postgres;
mod world;
