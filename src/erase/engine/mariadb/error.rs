//! What may be said of the driver's errors: of what the server says, only number and SQLSTATE are passed on.

use mysql_async::{DriverError, Error, IoError};

use crate::erase::error::EraseError;

/// A lock that was not let go in time, and a deadlock.
const PASSING: [u16; 2] = [1205, 1213];
/// Access denied: to a database, to a table, to a column, for want of a global right.
const DENIED: [u16; 4] = [1044, 1142, 1143, 1227];

/// A statement that failed.
#[derive(Debug)]
pub(super) struct Trouble {
    doing: &'static str,
    /// The server's number; none where the server did not answer.
    code: Option<u16>,
    state: String,
}

impl Trouble {
    /// Of the driver's error.
    pub fn of(doing: &'static str, error: &Error) -> Self {
        let code = if let Error::Server(answer) = error { Some(answer.code) } else { None };
        Self { doing, code, state: state_of(error) }
    }

    /// Of a server that does not answer.
    pub fn silent(doing: &'static str) -> Self {
        Self { doing, code: None, state: "the server does not answer".into() }
    }

    /// Of an answer that is not of the form that was asked for.
    pub fn unreadable(doing: &'static str) -> Self {
        Self { doing, code: None, state: "the server's answer cannot be read".into() }
    }

    /// Whether nothing was done and the next try may succeed.
    pub fn is_passing(&self) -> bool {
        self.code.is_some_and(|code| PASSING.contains(&code))
    }

    /// Whether a right is missing.
    pub fn is_denied(&self) -> bool {
        self.code.is_some_and(|code| DENIED.contains(&code))
    }
}

impl From<Trouble> for EraseError {
    fn from(trouble: Trouble) -> Self {
        Self::Database { doing: trouble.doing, state: trouble.state }
    }
}

/// What may be said of an error: its text can quote a row.
pub(super) fn state_of(error: &Error) -> String {
    match error {
        Error::Server(answer) => {
            format!("the server answered SQLSTATE {}, error {}", answer.state, answer.code)
        }
        Error::Driver(DriverError::ConnectionClosed) => "the connection is closed".into(),
        Error::Driver(DriverError::NoClientSslFlagFromServer) => "the server offers no TLS".into(),
        Error::Io(IoError::Io(io)) => match io.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
            Some(tls) => format!("the connection failed: {tls}"),
            None => format!("the connection failed: {}", io.kind()),
        },
        Error::Io(IoError::Tls(_)) => "the connection failed: TLS".into(),
        _ => "the connection failed".into(),
    }
}
