//! What the runner hands to the operator in its termination message.
