//! What the store's Secret says of a MariaDB server and of its replicas.

use std::{path::Path, time::Duration};

use mysql_async::{Opts, OptsBuilder};
use secrecy::ExposeSecret;

use crate::erase::{error::EraseError, secret};

const PORT: u16 = 3306;

/// Where the server is, and who we are there.
pub(super) struct Credentials {
    /// The driver's configuration; holds the password, so nothing here is ever shown.
    options: OptsBuilder,
    /// Host and port of the replicas whose lag counts.
    replicas: Vec<(String, u16)>,
    /// PEM of the issuers that are trusted.
    pub ca: Option<Vec<u8>>,
}

impl Credentials {
    /// Reads `uri` or `host`, `port`, `username`, `password`, and `replicas` and `ca.crt`; single keys win over the URI.
    pub fn read(dir: &Path) -> Result<Self, EraseError> {
        let bad = |why: &str| EraseError::Credentials(why.into());
        let key = |name: &str| secret::key(dir, name);
        let from = match key("uri") {
            // What follows the question mark would set how the server is checked; the DataStore says that.
            Some(uri) => {
                let uri = uri.expose_secret().split('?').next().unwrap_or_default().to_owned();
                let uri = uri.strip_prefix("mariadb:").map_or(uri.clone(), |rest| format!("mysql:{rest}"));
                Some(Opts::from_url(&uri).map_err(|_| bad("key uri is no MariaDB URI"))?)
            }
            None => None,
        };
        let host = key("host").map(|host| host.expose_secret().to_owned());
        let host = host.or_else(|| Some(from.as_ref()?.ip_or_hostname().to_owned()));
        let host = host.ok_or_else(|| bad("key host or uri is missing"))?;
        if host.contains([',', '/']) {
            return Err(bad("exactly one host is needed, not a list and not a socket"));
        }
        let port = match key("port") {
            Some(port) => port.expose_secret().parse().map_err(|_| bad("key port is no port"))?,
            None => from.as_ref().map_or(PORT, Opts::tcp_port),
        };
        let user = key("username").map(|user| user.expose_secret().to_owned());
        let user = user.or_else(|| Some(from.as_ref()?.user()?.to_owned()));
        if user.is_none() {
            return Err(bad("key username or uri is missing"));
        }
        let password = key("password").map(|password| password.expose_secret().to_owned());
        let password = password.or_else(|| Some(from.as_ref()?.pass()?.to_owned()));
        let replicas = match key("replicas") {
            Some(list) => addresses(list.expose_secret())
                .ok_or_else(|| bad("key replicas is no list of host:port with commas between"))?,
            None => vec![],
        };
        // A socket that the server names would pass by host, TLS and network policy.
        let options =
            OptsBuilder::default().prefer_socket(false).tcp_keepalive(Some(Duration::from_secs(30)));
        let options = options.ip_or_hostname(host).tcp_port(port).user(user).pass(password);
        Ok(Self { options, replicas, ca: secret::ca(dir) })
    }

    /// For the server.
    pub fn server(&self) -> OptsBuilder {
        self.options.clone()
    }

    /// For each replica, as the same account.
    pub fn replicas(&self) -> impl Iterator<Item = OptsBuilder> {
        self.replicas.iter().map(|(host, port)| self.server().ip_or_hostname(host).tcp_port(*port))
    }
}

/// Hosts, each with its port where it is another one than the usual.
fn addresses(list: &str) -> Option<Vec<(String, u16)>> {
    let address = |text: &str| match text.trim().rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && !host.contains(':') => {
            Some((host.to_owned(), port.parse().ok()?))
        }
        None if !text.trim().is_empty() => Some((text.trim().to_owned(), PORT)),
        Some(_) | None => None,
    };
    list.split(',').map(address).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(keys: &[(&str, &str)]) -> Result<Opts, String> {
        match Credentials::read(secret::mounted(keys).path()) {
            Ok(read) => Ok(read.server().into()),
            Err(error) => Err(format!("{error} {error:?}")),
        }
    }

    #[test]
    fn a_uri_or_single_keys_lead_to_one_server_and_never_to_a_socket() {
        for uri in ["mysql://u:p%21@db.example:3307/d?require_ssl=false", "mariadb://u:p%21@db.example:3307"]
        {
            let read = read(&[("uri", uri)]).unwrap();
            assert_eq!((read.ip_or_hostname(), read.tcp_port()), ("db.example", 3307));
            assert_eq!((read.user(), read.pass()), (Some("u"), Some("p!")));
            assert!(!read.prefer_socket());
        }
        let read = read(&[("host", "h"), ("username", "u"), ("password", "p\n")]).unwrap();
        assert_eq!((read.tcp_port(), read.pass()), (3306, Some("p")));
    }

    #[test]
    fn what_leads_nowhere_is_refused_without_the_password() {
        for keys in [
            &[("username", "u"), ("password", "hunter2")][..],
            &[("uri", "hunter2")],
            &[("uri", "mysql://u:hunter2@a,b/d")],
            &[("host", "/run/mysqld/mysqld.sock"), ("username", "u"), ("password", "hunter2")],
            &[("host", "h"), ("password", "hunter2")],
            &[("host", "h"), ("username", "u"), ("password", "hunter2"), ("replicas", "a:b")],
        ] {
            let error = read(keys).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn replicas_are_hosts_with_their_ports() {
        assert_eq!(addresses("a, b:3307"), Some(vec![("a".into(), 3306), ("b".into(), 3307)]));
        for list in ["", "a,", ":1", "a:x", "::1"] {
            assert_eq!(addresses(list), None, "{list}");
        }
    }
}
