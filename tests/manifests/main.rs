//! What the project ships as YAML: definitions of its kinds, examples, and what is installed.
//!
//! `UPDATE_EXPECT=1 cargo test --test manifests` writes the generated files anew.

mod definitions;
mod deploy;
mod examples;
mod rights;
mod versions;
mod yaml;
