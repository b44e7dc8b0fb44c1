//! Client, certificates, events, readiness, shutdown: what every part needs of the world around it.

mod failpoint;

pub use failpoint::{OPERATOR as OPERATOR_FAILPOINTS, failpoint};
