//! What may be said of the driver's errors: of what the server says, only the SQLSTATE is passed on.

use tokio_postgres::Error;

use crate::erase::error::EraseError;

/// Of a statement that failed.
pub(super) fn database(doing: &'static str, error: &Error) -> EraseError {
    EraseError::Database { doing, state: state_of(error) }
}

/// What may be said of an error: its text can quote a row.
pub(super) fn state_of(error: &Error) -> String {
    match error.code() {
        Some(code) => format!("the server answered SQLSTATE {}", code.code()),
        None if error.is_closed() => "the connection is closed".into(),
        None => match std::error::Error::source(error).and_then(|s| s.downcast_ref::<std::io::Error>()) {
            Some(io) => format!("the connection failed: {}", io.kind()),
            None => "the connection failed".into(),
        },
    }
}
