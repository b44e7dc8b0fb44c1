//! The runner of deletion Jobs.

fn main() {}
