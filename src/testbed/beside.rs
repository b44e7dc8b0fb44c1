//! A program that stands beside a cluster's own servers, such as a policy engine that Carnet is compared with.

use std::{ffi::OsString, path::Path};

use super::{
    error::TestbedError,
    process::{Guard, Program, Spawner},
};

/// A program under guard: it never outlives this process, and dropping it ends it.
#[derive(Debug)]
pub struct Beside {
    guard: Guard,
}

// === impl Beside ===

impl Beside {
    /// Starts a program whose log is `<name>.log` in `logs`; `argv` begins with the executable.
    pub fn start(
        name: &str,
        argv: Vec<OsString>,
        env: &[(&str, OsString)],
        logs: &Path,
    ) -> Result<Self, TestbedError> {
        let mut program = Program { argv, ..Program::new(name, Path::new(name), logs) };
        for (name, value) in env {
            program = program.env(name, value);
        }
        Ok(Self { guard: Spawner::start()?.spawn(program)? })
    }

    /// Its process id. What starts it replaces itself by it, so that this is the program's own.
    pub fn pid(&self) -> u32 {
        self.guard.id()
    }

    /// An error with the end of its log when it has ended.
    pub fn check(&mut self) -> Result<(), TestbedError> {
        self.guard.check()
    }

    /// The last lines of its log.
    pub fn log_end(&self) -> String {
        self.guard.log_end()
    }
}
