//! From what users write to values that are right: the only maker of `core` values; every error names a field.

mod endpoint;
mod errors;
mod exception;
mod framework_list;
mod hold;
pub mod law;
mod party;
mod period;
mod place;
mod policy;
mod safeguard;
mod selector;
mod store;
#[cfg(test)]
mod tests;
mod value;

pub use endpoint::endpoint;
pub use errors::{Errors, FieldError};
pub use exception::exception;
pub use framework_list::framework_list;
pub use hold::hold;
pub use party::party;
pub use period::{days, period};
pub use place::{RegionCheck, location};
pub use policy::policy;
pub use safeguard::safeguard;
pub use selector::selector;
pub use store::{store, store_traces};
pub use value::{category, category_pattern, country, day, regime};
