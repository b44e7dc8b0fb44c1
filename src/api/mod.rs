//! The custom resources as users write them: types only, no behaviour.
//!
//! Nothing here depends on another module of this crate. Values become trustworthy in `parse`.

pub mod labels;
pub mod schema;
pub mod v1alpha1;
pub mod watched;
