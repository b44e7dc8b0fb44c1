//! What MariaDB alone has.

mod fixture;
mod keys;
mod readings;
mod server;

use crate::conformance::conformance;

conformance!(fixture::Store);
