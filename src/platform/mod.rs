//! Client, certificates, events, conditions, readiness, shutdown.
