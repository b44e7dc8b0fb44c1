//! How far replicas lie back. A MariaDB server does not know that of those who follow it, so each is asked itself.

use std::time::Duration;

use mysql_async::{OptsBuilder, Row};
use tracing::warn;

use super::{Purpose, connect, credentials::Credentials, session::Session};
use crate::{core::store::SslMode, erase::error::EraseError};

/// The replicas that the Secret names.
pub(super) struct Replicas(Vec<Replica>);

struct Replica {
    options: OptsBuilder,
    session: Option<Session>,
}

impl Replicas {
    /// Those of a Secret; none is asked yet.
    pub fn of(credentials: &Credentials, mode: SslMode) -> Result<Self, EraseError> {
        let encryption = connect::encryption(credentials, mode)?;
        let options = credentials.replicas().map(|options| options.ssl_opts(encryption.clone()));
        Ok(Self(options.map(|options| Replica { options, session: None }).collect()))
    }

    /// The longest lag. One that cannot be asked or does not follow lies back without end.
    pub async fn lag(&mut self) -> Result<Option<Duration>, EraseError> {
        if self.0.is_empty() {
            let why = "key replicas is missing, which a policy with maxReplicationLag needs";
            return Err(EraseError::Credentials(why.into()));
        }
        let mut longest = Duration::ZERO;
        for replica in &mut self.0 {
            let lag = replica.lag().await.unwrap_or_else(|error| {
                warn!(%error, "a replica cannot be asked how far it lies back, so that nothing is deleted");
                replica.session = None;
                Duration::MAX
            });
            longest = longest.max(lag);
        }
        Ok(Some(longest))
    }
}

impl Replica {
    async fn lag(&mut self) -> Result<Duration, EraseError> {
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(connect::open(self.options.clone(), Purpose::Lock).await?),
        };
        let follows = session.ask("asking for replication lag", "SHOW ALL SLAVES STATUS").await?;
        let lags = follows.iter().map(behind);
        // One that follows nobody is no replica, and says nothing of the lag.
        Ok(lags.max().unwrap_or(Duration::MAX))
    }
}

/// Seconds behind the primary; null where it does not follow at present.
fn behind(row: &Row) -> Duration {
    match row.get_opt::<Option<u64>, _>("Seconds_Behind_Master") {
        Some(Ok(Some(seconds))) => Duration::from_secs(seconds),
        Some(Ok(None) | Err(_)) | None => Duration::MAX,
    }
}
