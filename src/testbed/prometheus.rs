//! A real Prometheus on loopback, for as long as its guard lives.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    binaries::built_by,
    error::{TestbedError, write},
    install::free_address,
    process::{Guard, Program, Spawner, wait_for},
    state::Run,
};

/// What a Prometheus scrapes and evaluates.
#[derive(Clone, Debug, Default)]
pub struct PrometheusOptions {
    /// Names of jobs, each with where its targets serve `/metrics`.
    pub jobs: Vec<(String, Vec<SocketAddr>)>,
    /// Files of rules.
    pub rules: Vec<PathBuf>,
}

/// A running Prometheus; dropping it ends it and removes everything that it stored.
#[derive(Debug)]
pub struct Prometheus {
    address: SocketAddr,
    // Dropped in this order: first the server ends, then its directory goes.
    _guards: Vec<Guard>,
    _run: Run,
}

impl Prometheus {
    /// Starts a server that scrapes every second, and waits until it answers.
    pub async fn start(options: PrometheusOptions) -> Result<Self, TestbedError> {
        let home = Run::begin()?;
        let spawner = Spawner::start()?;
        let address = free_address(IpAddr::V4(Ipv4Addr::LOCALHOST))?;
        let jobs = options.jobs.iter().map(|(name, targets)| {
            let targets: Vec<_> = targets.iter().map(ToString::to_string).collect();
            json!({"job_name": name, "static_configs": [{"targets": targets}]})
        });
        // JSON is YAML, and needs no writer of its own.
        let config = json!({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "500ms"},
            "scrape_configs": jobs.collect::<Vec<_>>(),
            "rule_files": options.rules,
        });
        let file = home.dir().join("prometheus.yaml");
        write(&file, config.to_string())?;
        let program = Program::new("prometheus", &program("prometheus")?, &home.logs()).args([
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", home.dir().join("tsdb").display()),
            format!("--web.listen-address={address}"),
            "--storage.tsdb.retention.time=1h".to_owned(),
            "--log.level=warn".to_owned(),
        ]);
        let mut guards = vec![spawner.spawn(program)?];
        wait_for("Prometheus", Duration::from_secs(30), &mut guards, || async move {
            match get(address, "/-/ready").await {
                Ok((200, _)) => Ok(()),
                Ok((status, body)) => Err(format!("{status} {body}")),
                Err(error) => Err(error.to_string()),
            }
        })
        .await?;
        Ok(Self { address, _guards: guards, _run: home })
    }

    /// The series that an expression has now.
    pub async fn query(&self, expression: &str) -> Result<Vec<Value>, TestbedError> {
        let data = self.ask(&format!("/api/v1/query?query={}", escaped(expression))).await?;
        // A number alone is a series without labels.
        Ok(match data["result"].as_array() {
            Some(series) if data["resultType"] != "scalar" => series.clone(),
            _ => vec![json!({"metric": {}, "value": data["result"]})],
        })
    }

    /// The data of an answer of its API.
    pub async fn ask(&self, path: &str) -> Result<Value, TestbedError> {
        let attempt = || format!("ask Prometheus for {path}");
        let (status, body) = get(self.address, path).await.map_err(TestbedError::io(attempt()))?;
        let answer: Value = serde_json::from_str(&body).unwrap_or_default();
        if status != 200 || answer["status"] != "success" {
            return Err(TestbedError::Command { attempt: attempt(), output: body });
        }
        Ok(answer["data"].clone())
    }
}

/// What `promtool` says to these arguments in a directory, with a file as its input; an error where it complains.
pub fn promtool(dir: &Path, arguments: &[&str], input: Option<&Path>) -> Result<String, TestbedError> {
    let attempt = || format!("promtool {}", arguments.join(" "));
    let input = match input {
        Some(file) => std::fs::File::open(file).map_err(TestbedError::io(attempt()))?.into(),
        None => Stdio::null(),
    };
    let mut command = Command::new(program("promtool")?);
    command.args(arguments).current_dir(dir).stdin(input);
    let output = command.output().map_err(TestbedError::io(attempt()))?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if output.status.success() {
        Ok(said)
    } else {
        Err(TestbedError::Command { attempt: attempt(), output: said })
    }
}

/// A program that `hack/monitoring/fetch.sh` fetched; the script alone knows where they are.
fn program(name: &str) -> Result<PathBuf, TestbedError> {
    let path = built_by("hack/monitoring/fetch.sh")?.join(name);
    if path.is_file() {
        return Ok(path);
    }
    Err(TestbedError::Missing {
        program: name.to_owned(),
        remedy: "run `make tools`, which fetches it".to_owned(),
    })
}

/// One plain request. HTTP/1.0 has no chunks.
async fn get(address: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default();
    Ok((status, body.to_owned()))
}

fn escaped(text: &str) -> String {
    let byte = |b: u8| match b {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(b).to_string(),
        _ => format!("%{b:02X}"),
    };
    text.bytes().map(byte).collect()
}
