//! How long data stays: two clocks, computed apart.
