//! The kubectl plugin: `kubectl carnet ...`.

use std::{
    error::Error,
    io::{self, Write},
    process::ExitCode,
};

use carnet::cli::{Args, run};
use clap::Parser;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    // Several crates in the build bring a provider; the choice must be said once.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(args, &mut io::stdin().lock(), &mut io::stdout().lock()).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // A closed stderr leaves the exit code, which says the same.
            let _ = report(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// The error with everything that caused it, on one line.
fn report(error: &dyn Error) -> io::Result<()> {
    let mut err = io::stderr().lock();
    write!(err, "error: {error}")?;
    let mut cause = error.source();
    while let Some(inner) = cause {
        write!(err, ": {inner}")?;
        cause = inner.source();
    }
    writeln!(err)
}
