//! The operator: admission server and controllers.

use std::{io, io::Write, process::ExitCode};

#[tokio::main]
async fn main() -> ExitCode {
    match carnet::operator::main(&mut io::stdout()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Before logging is started there is no other way to be heard.
            let _ = writeln!(io::stderr(), "carnet-operator: {error}");
            ExitCode::FAILURE
        }
    }
}
