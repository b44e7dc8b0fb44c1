//! A real MariaDB for tests: made, started on one address, and gone with its guard.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{
    error::{TestbedError, make_dir, write},
    install::free_address,
    pki::{Authority, write_secret},
    process::{Guard, Program, Spawner, run, wait_for},
    state::Run,
};

const ADMINISTRATOR: &str = "carnet";

/// What kind of server is wanted.
#[derive(Clone, Debug)]
pub struct MariadbOptions {
    /// The only address it listens on, beside a socket of its own.
    pub address: IpAddr,
    /// Whether it offers TLS, with a certificate for its address from an authority of its own.
    pub tls: bool,
    /// Further settings, as name and value of its command line.
    pub settings: Vec<(String, String)>,
}

/// A running server; dropping it ends it and removes its data.
#[derive(Debug)]
pub struct Mariadb {
    address: IpAddr,
    port: u16,
    password: String,
    authority: Option<Authority>,
    client: PathBuf,
    _guards: Vec<Guard>,
    _run: Run,
}

// === impl MariadbOptions ===

impl Default for MariadbOptions {
    fn default() -> Self {
        Self { address: IpAddr::V4(Ipv4Addr::LOCALHOST), tls: false, settings: Vec::new() }
    }
}

// === impl Mariadb ===

impl Mariadb {
    /// Makes a server and waits until it answers.
    pub async fn start(options: MariadbOptions) -> Result<Self, TestbedError> {
        let (install, server, client) =
            (program("mariadb-install-db")?, program("mariadbd")?, program("mariadb")?);
        let home = Run::begin()?;
        let spawner = Spawner::start()?;
        let data = home.dir().join("mariadb");
        make_dir(&data)?;
        // As root it runs only when told so; the data is worth nothing after the test.
        let user = nix::unistd::geteuid().is_root().then_some("--user=root");
        let mut made = Command::new(install);
        made.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
            .args(["--skip-name-resolve", "--innodb-log-file-size=16M"])
            .arg(argument("datadir", &data))
            .args(user)
            // Its temporary tables have names that repeat.
            .env("TMPDIR", home.dir())
            .current_dir(home.dir());
        run("make a MariaDB data directory", &mut made)?;

        // Not the caller's secret, and no one else's. Read once, by the server, before it lets anybody in.
        let password = format!("carnet-{}", home.id());
        let first = home.dir().join("first.sql");
        write_secret(
            &first,
            format!(
                // Replicas have an administrator of their own.
                "SET sql_log_bin = 0;\n\
                 CREATE USER '{ADMINISTRATOR}'@'%' IDENTIFIED BY '{password}';\n\
                 GRANT ALL PRIVILEGES ON *.* TO '{ADMINISTRATOR}'@'%' WITH GRANT OPTION;\n\
                 DROP USER IF EXISTS root@localhost, root@'127.0.0.1', root@'::1';\n"
            ),
        )?;
        let port = free_address(options.address)?.port();
        let mut program = Program::new("mariadb", &server, &home.logs())
            .args(["--no-defaults", "--skip-name-resolve", "--innodb-buffer-pool-size=64M"])
            // Nothing has to outlive a crash of the machine.
            .args(["--innodb-flush-log-at-trx-commit=0", "--skip-innodb-doublewrite", "--sync-binlog=0"])
            .args([argument("datadir", &data), argument("init-file", &first)])
            .arg(argument("socket", &home.dir().join("mariadb.sock")))
            .args([argument("pid-file", &home.dir().join("mariadb.pid")), argument("tmpdir", home.dir())])
            .args([format!("--bind-address={}", options.address), format!("--port={port}")])
            .args(user);
        let authority = options.tls.then(|| Authority::new("carnet test database")).transpose()?;
        if let Some(authority) = &authority {
            let identity = authority.server("mariadb", &[options.address], &["localhost"])?;
            identity.write(&data, "server")?;
            write(&data.join("ca.crt"), authority.certificate())?;
            for (name, file) in [("ssl-cert", "server.crt"), ("ssl-key", "server.key"), ("ssl-ca", "ca.crt")]
            {
                program = program.arg(argument(name, &data.join(file)));
            }
        }
        program = program.args(options.settings.iter().map(|(name, value)| format!("--{name}={value}")));
        let mut guards = vec![spawner.spawn(program)?];
        let server = Self {
            address: options.address,
            port,
            password,
            authority,
            client,
            _guards: Vec::new(),
            _run: home,
        };
        wait_for("MariaDB", Duration::from_mins(1), &mut guards, async || {
            server.sql("", "SELECT 1").map(drop).map_err(|error| error.to_string())
        })
        .await?;
        Ok(Self { _guards: guards, ..server })
    }

    /// The address it listens on.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The name of its administrator.
    pub fn administrator(&self) -> &'static str {
        ADMINISTRATOR
    }

    /// The password of its administrator.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The certificate of the authority that vouches for the server, as PEM, when it offers TLS.
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_ref().map(Authority::certificate)
    }

    /// Runs SQL as its administrator by the server's own client, apart from any driver that is under test, and returns the
    /// rows as lines with tabs between the values. An empty database is none.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String, TestbedError> {
        let mut client = Command::new(&self.client);
        client
            .args(["--no-defaults", "--batch", "--skip-column-names", "--connect-timeout=5"])
            .args([format!("--host={}", self.address), format!("--port={}", self.port)])
            .args(["--protocol=tcp", "--default-character-set=utf8mb4", &format!("--user={ADMINISTRATOR}")])
            .args([&format!("--execute={sql}"), database])
            .env("MYSQL_PWD", &self.password);
        run("run SQL", &mut client).map(|rows| rows.trim_end().to_owned())
    }
}

fn argument(name: &str, path: &Path) -> std::ffi::OsString {
    let mut argument = std::ffi::OsString::from(format!("--{name}="));
    argument.push(path);
    argument
}

/// A program of MariaDB's, where Debian puts it, or in the directory that `CARNET_MARIADB_BIN` names.
fn program(name: &str) -> Result<PathBuf, TestbedError> {
    let named = std::env::var_os("CARNET_MARIADB_BIN").map(PathBuf::from);
    let usual = ["/usr/sbin", "/usr/bin"].map(PathBuf::from);
    let mut places = named.into_iter().chain(usual).map(|dir| dir.join(name));
    places.find(|program| program.is_file()).ok_or_else(|| TestbedError::Missing {
        program: name.to_owned(),
        remedy: "as root, run hack/cluster/apt.sh".to_owned(),
    })
}
