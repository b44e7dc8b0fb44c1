//! The operator as a process: flags in, watches and controllers and admission running, an orderly end.

pub mod config;
pub mod watches;
