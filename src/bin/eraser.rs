//! The deletion Jobs' runner.

use std::process::ExitCode;

use carnet::erase::command::{Args, main as carry_out};
use clap::Parser;

fn main() -> ExitCode {
    carry_out(&Args::parse())
}
