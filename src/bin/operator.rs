//! The operator: admission server and controllers.

use std::{fmt::Display, io, io::Write, process::ExitCode};

fn main() -> ExitCode {
    let runtime = match carnet::operator::runtime() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(carnet::operator::main(&mut io::stdout())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// Before logging is started there is no other way to be heard.
fn failed(error: &dyn Display) -> ExitCode {
    let _ = writeln!(io::stderr(), "carnet-operator: {error}");
    ExitCode::FAILURE
}
