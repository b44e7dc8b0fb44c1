//! A PostgreSQL server of our own: a temporary directory, a free port, gone with the test.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tokio_postgres::{Client, NoTls};

/// A server; ended when dropped.
pub struct Server {
    child: Child,
    dir: tempfile::TempDir,
    pub port: u16,
}

/// Where Debian puts the server's programs; the newest. Without one the tests fail: they are never skipped.
fn bin() -> PathBuf {
    let versions =
        fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed (apt-get install postgresql)");
    let newest =
        versions.filter_map(|v| Some(v.ok()?.path().join("bin"))).filter(|b| b.join("initdb").exists());
    newest.max().expect("PostgreSQL has its initdb")
}

/// The server refuses to run as root: then it runs as `postgres`.
fn command(program: &Path) -> Command {
    let root = fs::read_to_string("/proc/self/status").expect("/proc").contains("\nUid:\t0\t");
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]).arg(program);
    command
}

impl Server {
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).expect("permissions");
        let data = dir.path().join("data");
        let made = command(&bin().join("initdb"))
            .args(["-U", "postgres", "--auth=trust", "--no-sync", "-D"])
            .arg(&data)
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let child = command(&bin().join("postgres"))
            .arg("-D")
            .arg(&data)
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-F"])
            .args(["-c", "unix_socket_directories=", "-c", "autovacuum=off"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("postgres runs");
        let server = Self { child, dir, port };
        let begun = Instant::now();
        while server.try_connect().await.is_err() {
            assert!(begun.elapsed() < Duration::from_mins(1), "the server does not answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        server
    }

    async fn try_connect(&self) -> Result<Client, tokio_postgres::Error> {
        let config = format!("host=127.0.0.1 port={} user=postgres dbname=postgres", self.port);
        let (client, connection) = tokio_postgres::connect(&config, NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    pub async fn client(&self) -> Client {
        self.try_connect().await.expect("the server answers")
    }

    /// A directory with the keys of the store's Secret, for the superuser.
    pub fn credentials(&self) -> PathBuf {
        self.credentials_of("postgres")
    }

    /// A directory with the keys of the store's Secret, for a role.
    pub fn credentials_of(&self, role: &str) -> PathBuf {
        let dir = self.dir.path().join(format!("credentials-{role}"));
        fs::create_dir_all(&dir).expect("a directory");
        let port = self.port.to_string();
        for (key, value) in
            [("host", "127.0.0.1"), ("port", &*port), ("username", role), ("dbname", "postgres")]
        {
            fs::write(dir.join(key), value).expect("a key");
        }
        dir
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGQUIT ends it at once, with all its backends.
        let pid = fs::read_to_string(self.dir.path().join("data/postmaster.pid")).unwrap_or_default();
        if let Some(pid) = pid.lines().next() {
            let _ = Command::new("kill").args(["-QUIT", pid]).status();
        }
        let _ = self.child.wait();
    }
}
