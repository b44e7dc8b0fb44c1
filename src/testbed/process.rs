//! Child processes that never outlive their parent, however the parent ends.
//!
//! Linux sends a child its parent-death signal when the *thread* that started it ends, and an asynchronous runtime ends
//! threads as it likes. So every child is started from one thread that lives as long as any of its children's guards.
//! The signal is asked for by `setpriv` before the program proper, and a shell between the two looks whether the parent
//! is still there, which closes the gap between start and request.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use super::error::TestbedError;

const WATCHED: &str = r#"parent=$1; shift; [ "$PPID" = "$parent" ] || exit 125; exec "$@""#;

type Request = (Command, mpsc::Sender<io::Result<Child>>);

/// The thread that starts children, alive as long as this handle or a guard made by it.
#[derive(Clone, Debug)]
pub(crate) struct Spawner {
    requests: mpsc::Sender<Request>,
}

/// A program to start under guard.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) argv: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) log: PathBuf,
    /// Run as this user and group instead of the caller's.
    pub(crate) user: Option<(u32, u32)>,
    /// What ends it in order; it is killed when that takes too long.
    pub(crate) stop: Signal,
}

/// A running program; dropping the guard ends it and its process group.
#[derive(Debug)]
pub(crate) struct Guard {
    name: String,
    child: Child,
    log: PathBuf,
    stop: Signal,
    _spawner: Spawner,
}

// === impl Spawner ===

impl Spawner {
    pub(crate) fn start() -> Result<Self, TestbedError> {
        let (requests, inbox) = mpsc::channel::<Request>();
        std::thread::Builder::new()
            .name("testbed-spawner".to_owned())
            .spawn(move || {
                for (mut command, reply) in inbox {
                    // A requester that no longer listens drops the child's handle; the parent-death signal remains.
                    let _ = reply.send(command.spawn());
                }
            })
            .map_err(TestbedError::io("start the thread that starts servers"))?;
        Ok(Self { requests })
    }

    pub(crate) fn spawn(&self, program: Program) -> Result<Guard, TestbedError> {
        let attempt = || format!("start {}", program.name);
        let log = File::create(&program.log)
            .map_err(TestbedError::io(format!("make the log {}", program.log.display())))?;
        let errors = log.try_clone().map_err(TestbedError::io(attempt()))?;

        let mut command = Command::new("setpriv");
        if let Some((user, group)) = program.user {
            // The kernel forgets the parent-death signal when the user changes, so that the user changes first.
            command.args([format!("--reuid={user}"), format!("--regid={group}")]);
            command.args(["--clear-groups", "--", "setpriv"]);
        }
        command
            .args(["--pdeathsig", program.stop.as_str().trim_start_matches("SIG"), "--"])
            .args(["sh", "-c", WATCHED, "sh", &std::process::id().to_string()])
            .args(&program.argv)
            .envs(program.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .process_group(0);

        let (reply, answer) = mpsc::channel();
        let gone = || io::Error::other("the thread that starts servers has ended");
        self.requests.send((command, reply)).map_err(|_| gone()).map_err(TestbedError::io(attempt()))?;
        let child = answer.recv().unwrap_or_else(|_| Err(gone())).map_err(TestbedError::io(attempt()))?;
        Ok(Guard { name: program.name, child, log: program.log, stop: program.stop, _spawner: self.clone() })
    }
}

// === impl Program ===

impl Program {
    /// A program that is killed outright when it is no longer wanted.
    pub(crate) fn new(name: &str, executable: &Path, logs: &Path) -> Self {
        Self {
            name: name.to_owned(),
            argv: vec![executable.into()],
            env: Vec::new(),
            log: logs.join(format!("{name}.log")),
            user: None,
            stop: Signal::SIGKILL,
        }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.argv.push(arg.as_ref().to_owned());
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.argv.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Puts another program and its arguments before this one.
    pub(crate) fn under(mut self, prefix: &[String]) -> Self {
        self.argv.splice(0..0, prefix.iter().map(OsString::from));
        self
    }
}

// === impl Guard ===

impl Guard {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// An error when the program has ended, which no server does by itself.
    pub(crate) fn check(&mut self) -> Result<(), TestbedError> {
        match self.child.try_wait().map_err(TestbedError::io(format!("look after {}", self.name)))? {
            None => Ok(()),
            Some(status) => Err(self.ended(status)),
        }
    }

    /// How the program ended, once it has.
    pub(crate) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// The last lines that the program wrote.
    pub(crate) fn log_end(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn ended(&self, status: ExitStatus) -> TestbedError {
        TestbedError::Ended { program: self.name.clone(), status, log: self.log_end() }
    }

    /// Sends a signal to the program and what it started.
    pub(crate) fn signal(&self, signal: Signal) {
        // The child has not been waited for, so that its id cannot have passed to another process.
        if let Ok(id) = i32::try_from(self.child.id()) {
            let _ = killpg(Pid::from_raw(id), signal);
        }
    }
}

impl Guard {
    /// Ends the program and waits until it has.
    pub(crate) fn end(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        self.signal(self.stop);
        let deadline = Instant::now() + Duration::from_secs(3);
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        tracing::warn!(program = %self.name, "did not end in time and is killed");
        self.signal(Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end();
    }
}

/// Runs a command to its end and returns what it wrote; an error says what was attempted and what it complained of.
pub(crate) fn run(attempt: &str, command: &mut Command) -> Result<String, TestbedError> {
    let output = command.stdin(Stdio::null()).output().map_err(TestbedError::io(attempt))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = [output.stderr, output.stdout].concat();
    Err(TestbedError::Command {
        attempt: attempt.to_owned(),
        output: format!("{}: {}", output.status, String::from_utf8_lossy(&complaint).trim()),
    })
}

/// Asks again and again until there is an answer, looking after the servers meanwhile.
pub(crate) async fn wait_for<T, F>(
    what: &str,
    limit: Duration,
    servers: &mut [Guard],
    mut question: impl FnMut() -> F,
) -> Result<T, TestbedError>
where
    F: Future<Output = Result<T, String>>,
{
    let start = Instant::now();
    loop {
        let reason = match question().await {
            Ok(answer) => {
                tracing::debug!(what, waited = ?start.elapsed(), "is there");
                return Ok(answer);
            }
            Err(reason) => reason,
        };
        for server in servers.iter_mut() {
            server.check()?;
        }
        if start.elapsed() > limit {
            let logs = servers.iter().map(|server| format!("\n--- {}\n{}", server.name, server.log_end()));
            let detail = format!("; last: {reason}{}", logs.collect::<String>());
            return Err(TestbedError::NotReady { what: what.to_owned(), seconds: limit.as_secs(), detail });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
