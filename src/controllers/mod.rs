//! Reconcilers; they run on the leader.
