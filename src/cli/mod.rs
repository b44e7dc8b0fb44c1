//! Commands of kubectl-carnet.
