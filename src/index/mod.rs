//! Watch events to Snapshot: one writer.
