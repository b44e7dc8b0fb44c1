//! What the store's Secret says of a PostgreSQL server.

use std::{path::Path, str::FromStr, time::Duration};

use secrecy::ExposeSecret;
use tokio_postgres::{Config, config::Host};

use crate::erase::{error::EraseError, secret};

/// Where the server is, and who we are there.
#[derive(Debug)]
pub(super) struct Credentials {
    config: SecretConfig,
    /// PEM of the issuers that are trusted.
    pub ca: Option<Vec<u8>>,
}

/// The driver's configuration; holds the password, so it is never shown.
struct SecretConfig(Config);

impl std::fmt::Debug for SecretConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretConfig")
    }
}

impl Credentials {
    /// Reads `uri` or `host`, `port`, `username`, `password`, `dbname`, and `ca.crt`; single keys win over the URI.
    pub fn read(dir: &Path) -> Result<Self, EraseError> {
        let bad = |why: &str| EraseError::Credentials(why.into());
        let key = |name: &str| secret::key(dir, name);
        let mut config = match key("uri") {
            // What follows the question mark would set how the server is checked; the DataStore says that.
            Some(uri) => {
                let uri = uri.expose_secret().split('?').next().unwrap_or_default();
                Config::from_str(uri).map_err(|_| bad("key uri is no PostgreSQL URI"))?
            }
            None => Config::new(),
        };
        if let Some(host) = key("host") {
            let mut single = Config::new();
            if let (Some(user), Some(db)) = (config.get_user(), config.get_dbname()) {
                single.user(user).dbname(db);
            }
            if let Some(password) = config.get_password() {
                single.password(password);
            }
            single.host(host.expose_secret());
            config = single;
        }
        if let Some(port) = key("port") {
            let port = port.expose_secret().parse().map_err(|_| bad("key port is no port"))?;
            let mut single = config.clone();
            if config.get_ports().is_empty() {
                single.port(port);
                config = single;
            }
        }
        if let Some(user) = key("username") {
            config.user(user.expose_secret());
        }
        if let Some(password) = key("password") {
            config.password(password.expose_secret());
        }
        if let Some(db) = key("dbname").or_else(|| key("database")) {
            config.dbname(db.expose_secret());
        }
        match config.get_hosts() {
            [Host::Tcp(_)] => {}
            [] => return Err(bad("key host or uri is missing")),
            _ => return Err(bad("exactly one host is needed, not a list and not a socket")),
        }
        if config.get_user().is_none() {
            return Err(bad("key username or uri is missing"));
        }
        if config.get_dbname().is_none() {
            return Err(bad("key dbname or uri is missing"));
        }
        config.application_name("carnet-eraser").connect_timeout(Duration::from_secs(10));
        config.keepalives_idle(Duration::from_secs(30)).tcp_user_timeout(Duration::from_mins(1));
        Ok(Self { config: SecretConfig(config), ca: secret::ca(dir) })
    }

    pub fn config(&self) -> Config {
        self.config.0.clone()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_uri_or_single_keys_lead_to_one_server() {
        let uri = secret::mounted(&[("uri", "postgres://u:p@db.example:5433/d?sslmode=disable\n")]);
        let c = Credentials::read(uri.path()).unwrap().config();
        assert_eq!((c.get_ports(), c.get_user(), c.get_dbname()), (&[5433][..], Some("u"), Some("d")));
        let keys = secret::mounted(&[
            ("host", "h"),
            ("port", "1"),
            ("username", "u"),
            ("password", "p"),
            ("dbname", "d"),
        ]);
        let c = Credentials::read(keys.path()).unwrap().config();
        assert_eq!((c.get_ports(), c.get_password()), (&[1][..], Some(&b"p"[..])));
    }

    #[test]
    fn what_leads_nowhere_is_refused_without_the_password() {
        for keys in [
            &[("username", "u"), ("password", "hunter2")][..],
            &[("uri", "hunter2")],
            &[("uri", "postgres://u:hunter2@a,b/d")],
        ] {
            let error = Credentials::read(secret::mounted(keys).path()).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }
}
