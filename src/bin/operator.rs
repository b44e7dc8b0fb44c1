//! The operator: admission server and controllers.

fn main() {}
