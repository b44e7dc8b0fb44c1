//! What the project ships as YAML: definitions of its kinds, examples, and what is installed.
//!
//! `make generate` writes the generated files anew.

mod argocd;
mod checks;
mod definitions;
mod deploy;
mod examples;
mod helm;
mod kustomize;
mod network;
mod render;
mod rights;
mod roles;
mod values;
mod versions;
mod yaml;
