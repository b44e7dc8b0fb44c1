//! The servers of a control plane as plain processes: etcd, API server, controller manager, scheduler, and kwok for nodes
//! that are only played. Any user can run them; they listen on loopback alone.

use std::{
    net::{IpAddr, Ipv4Addr, TcpListener},
    ops::Deref,
    path::{Path, PathBuf},
    time::Duration,
};

use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{
    Api, Client,
    api::{ListParams, Request},
};
use tokio::net::TcpStream;

use super::{
    access::{Access, write_kubeconfig},
    binaries::Binaries,
    error::{TestbedError, make_dir},
    kwok::{self, FakeNode},
    pki::{self, Authority},
    process::{Guard, Program, Spawner, wait_for},
    state::Run,
};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ATTEMPTS: usize = 3;
/// The first address of the Services' range, under which Pods reach the API server.
const SERVICE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 96, 0, 1));

/// What a control plane is to do.
#[derive(Clone, Debug)]
pub struct ControlPlaneOptions {
    /// Whether the Pods of Jobs succeed at once on played nodes; else they run until somebody writes their status.
    pub complete_jobs: bool,
}

/// A running control plane; dropping it ends every server and removes everything that it made.
#[derive(Debug)]
pub struct ControlPlane {
    access: Access,
    // Dropped in this order: first the servers end, then their directory goes.
    _servers: Servers,
    _run: Run,
}

/// The servers of a control plane, last started first.
#[derive(Debug)]
pub(crate) struct Servers {
    pub(crate) guards: Vec<Guard>,
    pub(crate) authority: Authority,
    /// How the API server is started, with what starts it: for those who end it.
    pub(crate) api_server: (Program, Spawner),
}

/// Where servers run and what they are reached by.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) binaries: &'a Binaries,
    pub(crate) spawner: &'a Spawner,
    pub(crate) dir: &'a Path,
    /// What to put before every server's command line, to start it elsewhere than here.
    pub(crate) prefix: Vec<String>,
    pub(crate) network: Network,
}

/// Addresses and ports of a control plane.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    /// Where clients reach the API server.
    pub(crate) server: IpAddr,
    /// What the API server listens on.
    pub(crate) bind: IpAddr,
    /// What the API server tells Pods; none when there are no Pods that could reach it.
    pub(crate) advertise: Option<IpAddr>,
    pub(crate) api_port: u16,
    pub(crate) etcd_port: u16,
    pub(crate) etcd_peer_port: u16,
}

// === impl ControlPlaneOptions ===

impl Default for ControlPlaneOptions {
    fn default() -> Self {
        Self { complete_jobs: true }
    }
}

// === impl ControlPlane ===

impl ControlPlane {
    /// Starts a control plane and waits until it serves, with kwok ready for [`ControlPlane::add_kwok_node`].
    pub async fn start(options: ControlPlaneOptions) -> Result<Self, TestbedError> {
        let binaries = Binaries::find()?;
        let mut attempt = 1;
        loop {
            match Self::try_start(&binaries, &options).await {
                // A port that was free a moment ago may have been taken by somebody else since.
                Err(TestbedError::Ended { program, log, .. })
                    if attempt < ATTEMPTS && log.contains("address already in use") =>
                {
                    tracing::info!(%program, "lost its port to somebody else; starting anew");
                    attempt += 1;
                }
                done => return done,
            }
        }
    }

    async fn try_start(binaries: &Binaries, options: &ControlPlaneOptions) -> Result<Self, TestbedError> {
        let run = Run::begin()?;
        let spawner = Spawner::start()?;
        let place = Place {
            binaries,
            spawner: &spawner,
            dir: run.dir(),
            prefix: Vec::new(),
            network: Network::on_loopback()?,
        };
        let admin = run.dir().join("admin.kubeconfig");
        let access = Access::new(run.dir(), admin, LOOPBACK);
        let mut servers = Servers::start(&place, &access).await?;
        servers.play_nodes(&place, &access, options.complete_jobs)?;
        Ok(Self { access, _servers: servers, _run: run })
    }

    /// The ways into the cluster.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Adds a played node and waits until Pods can be scheduled to it.
    pub async fn add_kwok_node(&self, node: &FakeNode) -> Result<(), TestbedError> {
        node.create(self.access.client_admin().await?).await
    }
}

impl Deref for ControlPlane {
    type Target = Access;

    fn deref(&self) -> &Access {
        &self.access
    }
}

// === impl Network ===

impl Network {
    fn on_loopback() -> Result<Self, TestbedError> {
        let choose = || -> std::io::Result<[u16; 3]> {
            // All three are held until the last is chosen, so that they differ.
            let held = [(); 3].map(|()| TcpListener::bind((LOOPBACK, 0)));
            let mut ports = [0; 3];
            for (port, listener) in ports.iter_mut().zip(held) {
                *port = listener?.local_addr()?.port();
            }
            Ok(ports)
        };
        let [api_port, etcd_port, etcd_peer_port] =
            choose().map_err(TestbedError::io("choose free ports"))?;
        Ok(Self { server: LOOPBACK, bind: LOOPBACK, advertise: None, api_port, etcd_port, etcd_peer_port })
    }

    /// The URL of the API server.
    pub(crate) fn url(&self) -> String {
        format!("https://{}:{}", self.server, self.api_port)
    }
}

// === impl Place ===

impl Place<'_> {
    pub(crate) fn program(&self, name: &str) -> Result<Program, TestbedError> {
        self.program_as(name, name)
    }

    /// A program under another name, for those that run more than once.
    pub(crate) fn program_as(&self, name: &str, binary: &str) -> Result<Program, TestbedError> {
        Ok(Program::new(name, &self.binaries.path(binary)?, &self.dir.join("log")))
    }

    pub(crate) fn spawn(&self, program: Program) -> Result<Guard, TestbedError> {
        self.spawner.spawn(program.under(&self.prefix))
    }

    fn pki(&self, file: &str) -> PathBuf {
        self.dir.join("pki").join(file)
    }

    /// Makes a client certificate and the kubeconfig that presents it.
    pub(crate) fn kubeconfig(
        &self,
        authority: &Authority,
        name: &str,
        user: &str,
        group: Option<&str>,
    ) -> Result<PathBuf, TestbedError> {
        let path = self.dir.join(format!("{name}.kubeconfig"));
        write_kubeconfig(&path, &self.network.url(), authority, &authority.client(user, group)?)?;
        Ok(path)
    }
}

// === impl Servers ===

impl Servers {
    /// Starts the control plane proper and waits until it serves.
    pub(crate) async fn start(place: &Place<'_>, access: &Access) -> Result<Self, TestbedError> {
        let authority = Authority::new("carnet test cluster")?;
        write_pki(place, &authority)?;
        place.kubeconfig(&authority, "admin", "admin", Some("system:masters"))?;
        let manager =
            place.kubeconfig(&authority, "controller-manager", "system:kube-controller-manager", None)?;
        let scheduler = place.kubeconfig(&authority, "scheduler", "system:kube-scheduler", None)?;

        let api_server = api_server(place)?.under(&place.prefix);
        let mut guards = vec![place.spawn(etcd(place)?)?, place.spawner.spawn(api_server.clone())?];
        let client = access.client_admin().await?;
        let (server, port) = (place.network.server, place.network.api_port);
        wait_for("the API server", Duration::from_secs(90), &mut guards, async || {
            // The client complains aloud of a server that does not listen yet.
            TcpStream::connect((server, port)).await.map_err(|error| error.to_string())?;
            ready(&client).await
        })
        .await?;

        guards.push(place.spawn(controller_manager(place, &manager)?)?);
        guards.push(
            place.spawn(
                place
                    .program("kube-scheduler")?
                    .args(["--kubeconfig".as_ref(), scheduler.as_os_str()])
                    .args(["--leader-elect=false", "--secure-port=0"]),
            )?,
        );
        access.mark().await?;
        let accounts: Api<ServiceAccount> = Api::namespaced(client, "default");
        wait_for("the controller manager", Duration::from_mins(1), &mut guards, async || {
            accounts.get("default").await.map(drop).map_err(|error| error.to_string())
        })
        .await?;
        guards.reverse();
        Ok(Self { guards, authority, api_server: (api_server, place.spawner.clone()) })
    }

    /// Kills the API server and starts it anew; its first log keeps its name.
    pub(crate) fn restart_api_server(&mut self) -> Result<(), TestbedError> {
        let (program, spawner) = &mut self.api_server;
        let Some(guard) = self.guards.iter_mut().find(|guard| guard.name() == program.name) else {
            return Err(TestbedError::Unsuitable("there is no API server of ours to start anew".to_owned()));
        };
        guard.end();
        program.log.set_extension("anew.log");
        // What held the port may outlive by a moment what was waited for; a server that finds it taken ends at once.
        for _ in 0..10 {
            *guard = spawner.spawn(program.clone())?;
            std::thread::sleep(Duration::from_secs(2));
            if guard.check().is_ok() {
                return Ok(());
            }
        }
        guard.check()
    }

    /// Starts kwok.
    pub(crate) fn play_nodes(
        &mut self,
        place: &Place<'_>,
        access: &Access,
        complete_jobs: bool,
    ) -> Result<(), TestbedError> {
        let executable = place.binaries.path("kwok")?;
        let logs = place.dir.join("log");
        let program = kwok::program(&executable, place.dir, &logs, access.kubeconfig_admin(), complete_jobs)?;
        self.guards.insert(0, place.spawn(program)?);
        Ok(())
    }
}

/// A plain GET; the client's own request builder saves a dependency on the types below it.
pub(crate) async fn ready(client: &Client) -> Result<(), String> {
    let request = Request::new("/readyz").list(&ListParams::default()).map_err(|error| error.to_string())?;
    client.request_text(request).await.map(drop).map_err(|error| error.to_string())
}

fn write_pki(place: &Place<'_>, authority: &Authority) -> Result<(), TestbedError> {
    let dir = place.dir.join("pki");
    authority.write(&dir)?;
    pki::write_service_account_keys(&dir)?;
    let mut addresses = vec![LOOPBACK, SERVICE, place.network.server];
    addresses.extend(place.network.advertise);
    let names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
    authority.server("kube-apiserver", &addresses, &names)?.write(&dir, "api-server")?;
    authority.client("kube-apiserver", Some("system:masters"))?.write(&dir, "kubelet-client")
}

fn etcd(place: &Place<'_>) -> Result<Program, TestbedError> {
    let data = place.dir.join("etcd");
    make_dir(&data)?;
    let clients = format!("http://127.0.0.1:{}", place.network.etcd_port);
    let peers = format!("http://127.0.0.1:{}", place.network.etcd_peer_port);
    Ok(place
        .program("etcd")?
        .args(["--data-dir".as_ref(), data.as_os_str()])
        .args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients])
        .args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers])
        .arg(format!("--initial-cluster=default={peers}"))
        .args(["--log-level=warn", "--unsafe-no-fsync"]))
}

fn api_server(place: &Place<'_>) -> Result<Program, TestbedError> {
    let network = &place.network;
    let program = place
        .program("kube-apiserver")?
        .arg(format!("--etcd-servers=http://127.0.0.1:{}", network.etcd_port))
        .arg(format!("--bind-address={}", network.bind))
        .arg(format!("--secure-port={}", network.api_port))
        .arg(format!("--advertise-address={}", network.advertise.unwrap_or(LOOPBACK)))
        .args(["--client-ca-file".as_ref(), place.pki("ca.crt").as_os_str()])
        .args(["--tls-cert-file".as_ref(), place.pki("api-server.crt").as_os_str()])
        .args(["--tls-private-key-file".as_ref(), place.pki("api-server.key").as_os_str()])
        .args(["--service-account-key-file".as_ref(), place.pki("service-accounts.pub").as_os_str()])
        .args(["--service-account-signing-key-file".as_ref(), place.pki("service-accounts.key").as_os_str()])
        .args([
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.96.0.0/16",
        ])
        .args(["--kubelet-client-certificate".as_ref(), place.pki("kubelet-client.crt").as_os_str()])
        .args(["--kubelet-client-key".as_ref(), place.pki("kubelet-client.key").as_os_str()])
        .arg("--kubelet-preferred-address-types=InternalIP")
        .args(["--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction"])
        .args(["--allow-privileged=true", "--profiling=false"]);
    // A loopback address is no endpoint that a Service could have.
    Ok(if network.advertise.is_none() { program.arg("--endpoint-reconciler-type=none") } else { program })
}

fn controller_manager(place: &Place<'_>, kubeconfig: &Path) -> Result<Program, TestbedError> {
    Ok(place
        .program("kube-controller-manager")?
        .args(["--kubeconfig".as_ref(), kubeconfig.as_os_str()])
        .args(["--service-account-private-key-file".as_ref(), place.pki("service-accounts.key").as_os_str()])
        .args(["--root-ca-file".as_ref(), place.pki("ca.crt").as_os_str()])
        .args(["--cluster-signing-cert-file".as_ref(), place.pki("ca.crt").as_os_str()])
        .args(["--cluster-signing-key-file".as_ref(), place.pki("ca.key").as_os_str()])
        .args(["--use-service-account-credentials=true", "--leader-elect=false", "--secure-port=0"]))
}
