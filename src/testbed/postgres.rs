//! A real PostgreSQL for one test: made, started on one address, and gone with its guard.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use nix::{sys::signal::Signal, unistd::User};

use super::{
    error::{TestbedError, make_dir, write},
    install::free_address,
    pki::{Authority, write_secret},
    process::{Guard, Program, Spawner, run, wait_for},
    state::Run,
};

const SUPERUSER: &str = "postgres";

/// What kind of server is wanted.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// The only address it listens on, beside no socket.
    pub address: IpAddr,
    /// Whether it offers TLS, with a certificate for its address from an authority of its own.
    pub tls: bool,
    /// Further settings, as name and value of `postgresql.conf`.
    pub settings: Vec<(String, String)>,
}

/// A running server; dropping it ends it and removes its data.
#[derive(Debug)]
pub struct Postgres {
    address: IpAddr,
    port: u16,
    password: String,
    authority: Option<Authority>,
    bin: PathBuf,
    _guards: Vec<Guard>,
    _run: Run,
}

// === impl PostgresOptions ===

impl Default for PostgresOptions {
    fn default() -> Self {
        Self { address: IpAddr::V4(Ipv4Addr::LOCALHOST), tls: false, settings: Vec::new() }
    }
}

// === impl Postgres ===

impl Postgres {
    /// Makes a server and waits until it answers.
    pub async fn start(options: PostgresOptions) -> Result<Self, TestbedError> {
        let bin = programs()?;
        let home = Run::begin()?;
        let spawner = Spawner::start()?;
        let user = server_user()?;
        // Not the caller's secret, and no one else's: the data is worth nothing after the test.
        let password = format!("carnet-{}", home.id());
        let data = home.dir().join("postgres");
        make_dir(&data)?;
        let password_file = home.dir().join("password");
        write_secret(&password_file, &password)?;
        own(&[&data, &password_file], user)?;

        let mut initdb = as_user(user, &bin.join("initdb"));
        initdb
            .args([
                "--username",
                SUPERUSER,
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ])
            .args(["--pwfile".as_ref(), password_file.as_os_str()])
            .args(["--pgdata".as_ref(), data.as_os_str()])
            .current_dir(home.dir());
        run("make a PostgreSQL data directory", &mut initdb)?;

        let authority = options.tls.then(|| Authority::new("carnet test database")).transpose()?;
        if let Some(authority) = &authority {
            let identity = authority.server("postgres", &[options.address], &["localhost"])?;
            identity.write(&data, "server")?;
            own(&[&data.join("server.crt"), &data.join("server.key")], user)?;
        }
        let port = free_address(options.address)?.port();
        write(&data.join("postgresql.conf"), settings(&options, port))?;
        let connections = format!("host all all {} scram-sha-256\n", any(options.address));
        write(&data.join("pg_hba.conf"), connections)?;

        let mut program = Program::new("postgres", &bin.join("postgres"), &home.logs())
            .args(["-D".as_ref(), data.as_os_str()]);
        program.user = user;
        // The server's name for "at once, and take all sessions along".
        program.stop = Signal::SIGQUIT;
        let mut guards = vec![spawner.spawn(program)?];
        let server = Self {
            address: options.address,
            port,
            password,
            authority,
            bin,
            _guards: Vec::new(),
            _run: home,
        };
        wait_for("PostgreSQL", Duration::from_secs(30), &mut guards, async || {
            server.sql("postgres", "select 1").map(drop).map_err(|error| error.to_string())
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

    /// The name of its superuser.
    pub fn superuser(&self) -> &'static str {
        SUPERUSER
    }

    /// The password of its superuser.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The certificate of the authority that vouches for the server, as PEM, when it offers TLS.
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_ref().map(Authority::certificate)
    }

    /// A connection URL for its superuser.
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://{SUPERUSER}:{}@{}:{}/{database}", self.password, host(self.address), self.port)
    }

    /// Runs SQL as its superuser by `psql`, apart from any driver that is under test, and returns the rows as lines with
    /// `|` between the values.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String, TestbedError> {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"])
            .args(["--host", &self.address.to_string(), "--port", &self.port.to_string()])
            .args(["--username", SUPERUSER, "--dbname", database, "--command", sql])
            .env("PGPASSWORD", &self.password)
            .env("PGCONNECT_TIMEOUT", "5");
        run("run SQL", &mut psql).map(|rows| rows.trim_end().to_owned())
    }
}

fn settings(options: &PostgresOptions, port: u16) -> String {
    use std::fmt::Write;
    let mut text = format!(
        "listen_addresses = '{}'\nport = {port}\nunix_socket_directories = ''\nfsync = off\nsynchronous_commit = off\n\
         full_page_writes = off\nmax_connections = 50\nshared_buffers = 64MB\ntimezone = 'UTC'\nlog_timezone = 'UTC'\n",
        options.address
    );
    if options.tls {
        text.push_str("ssl = on\nssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'\n");
    }
    for (name, value) in &options.settings {
        let _ = writeln!(text, "{name} = '{}'", value.replace('\'', "''"));
    }
    text
}

fn host(address: IpAddr) -> String {
    if address.is_ipv6() { format!("[{address}]") } else { address.to_string() }
}

/// Everyone who reaches the address that it listens on: loopback is this machine, and the link to a cluster is the
/// cluster's Pods.
fn any(address: IpAddr) -> &'static str {
    if address.is_ipv6() { "::0/0" } else { "0.0.0.0/0" }
}

/// PostgreSQL refuses to run as root; then it runs as the user that Debian's package made for it, else as nobody.
fn server_user() -> Result<Option<(u32, u32)>, TestbedError> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        let found =
            User::from_name(name).map_err(|error| TestbedError::io("look up a user")(error.into()))?;
        if let Some(user) = found {
            return Ok(Some((user.uid.as_raw(), user.gid.as_raw())));
        }
    }
    Err(TestbedError::Unsuitable(
        "PostgreSQL does not run as root, and there is no user postgres or nobody".to_owned(),
    ))
}

fn own(paths: &[&Path], user: Option<(u32, u32)>) -> Result<(), TestbedError> {
    let Some((user, group)) = user else { return Ok(()) };
    for path in paths {
        std::os::unix::fs::chown(path, Some(user), Some(group))
            .map_err(TestbedError::io(format!("hand {} to PostgreSQL", path.display())))?;
    }
    Ok(())
}

fn as_user(user: Option<(u32, u32)>, program: &Path) -> Command {
    let Some((user, group)) = user else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command
        .args([format!("--reuid={user}"), format!("--regid={group}")])
        .args(["--clear-groups", "--"])
        .arg(program);
    command
}

/// The newest PostgreSQL that is installed, as Debian lays it out, or the directory that `CARNET_POSTGRES_BIN` names.
fn programs() -> Result<PathBuf, TestbedError> {
    if let Some(dir) = std::env::var_os("CARNET_POSTGRES_BIN") {
        return Ok(dir.into());
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, bin)| bin.join("initdb").is_file())
        .max()
        .map(|(_, bin)| bin)
        .ok_or_else(|| TestbedError::Missing {
            program: "postgres".to_owned(),
            remedy: "as root, run hack/cluster/apt.sh".to_owned(),
        })
}
