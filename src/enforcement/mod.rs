//! Whether what the API server enforces by itself is what was installed: policies, their bindings, the webhook's
//! configuration. Pure: what is expected and what is there are given, the answer names every field that differs.

mod bundle;
mod compare;
mod defaults;
mod deviation;
mod excerpt;
mod expected;
mod kind;

pub use bundle::{fingerprints, pem_of};
pub use compare::{Live, compare};
pub use deviation::Deviation;
pub use expected::{Expected, ExpectedError};
pub use kind::{Id, Kind};

#[cfg(test)]
mod tests;
