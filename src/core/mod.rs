//! The domain: values that are already right, and the two pure functions that decide over them.
//!
//! Nothing here reads a clock, a file, the environment or the network; `now` is always an argument. Values are made by
//! `parse` alone, from [`crate::api`] types.

pub mod backstop;
pub mod category;
pub mod claim;
pub mod contradiction;
pub mod endpoints;
pub mod exception;
pub mod framework_list;
pub mod hold;
pub mod host;
pub mod ids;
pub mod law;
pub mod node_region;
pub mod party;
pub mod policy;
pub mod retention;
pub mod safeguard;
pub mod selector;
pub mod settings;
pub mod snapshot;
pub mod store;
pub mod transfer;
pub mod validity;
pub mod volume;
