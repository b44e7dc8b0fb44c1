//! The deletion Jobs' runner: the only code with store drivers and credentials.
