//! HTTP/1.1 over kept-alive TLS, with blocking sockets: the least that a load generator can spend on an answer.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};

/// Longer than any server here takes for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where requests go.
#[derive(Clone)]
pub struct Endpoint {
    pub addr: SocketAddr,
    tls: Arc<ClientConfig>,
}

/// A connection that is kept, and made anew where the server's answer ended it.
pub struct Connection {
    endpoint: Endpoint,
    stream: StreamOwned<ClientConnection, TcpStream>,
    /// What has been read and not yet been taken.
    buffer: Vec<u8>,
    is_ended: bool,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub code: u16,
    pub body: Vec<u8>,
}

impl Endpoint {
    /// A server whose certificate one of these authorities (PEM) signed; it is shown this certificate and key (PEM), if any.
    pub fn new(addr: SocketAddr, authorities: &[u8], identity: Option<(&[u8], &[u8])>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authorities) {
            roots.add(certificate?)?;
        }
        ensure!(!roots.is_empty(), "no authority is known for {addr}");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let tls = match identity {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => config.with_client_auth_cert(
                CertificateDer::pem_slice_iter(certificate).collect::<Result<_, _>>()?,
                PrivateKeyDer::from_pem_slice(key)?,
            )?,
        };
        Ok(Self { addr, tls: Arc::new(tls) })
    }

    /// A request as bytes.
    pub fn request(&self, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nAccept: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            self.addr,
            body.len()
        );
        [head.as_bytes(), body].concat()
    }

    pub fn connect(&self) -> Result<Connection> {
        let buffer = Vec::with_capacity(16 * 1024);
        Ok(Connection { endpoint: self.clone(), stream: self.stream()?, buffer, is_ended: false })
    }

    fn stream(&self) -> Result<StreamOwned<ClientConnection, TcpStream>> {
        let socket =
            TcpStream::connect(self.addr).with_context(|| format!("failed to reach {}", self.addr))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let name = ServerName::IpAddress(self.addr.ip().into());
        let mut stream = StreamOwned::new(ClientConnection::new(self.tls.clone(), name)?, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).context("failed to shake hands")?;
        }
        Ok(stream)
    }
}

impl Connection {
    /// Sends a request and reads its answer whole.
    pub fn ask(&mut self, request: &[u8]) -> Result<Answer> {
        if self.is_ended {
            (self.stream, self.is_ended) = (self.endpoint.stream()?, false);
        }
        self.stream.write_all(request)?;
        self.stream.flush()?;
        let head = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break self.take(end + 4);
            }
            self.more()?;
        };
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let code = head.split(' ').nth(1).and_then(|c| c.parse().ok()).context("an answer without a code")?;
        let header = |name: &str| head.lines().find_map(|l| l.strip_prefix(name)).map(str::trim);
        self.is_ended = header("connection:") == Some("close");
        let body = match (header("content-length:"), header("transfer-encoding:")) {
            (Some(length), _) => self.exactly(length.parse()?)?,
            (None, Some("chunked")) => self.chunks()?,
            _ => bail!("an answer without a length: {head}"),
        };
        Ok(Answer { code, body })
    }

    fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = vec![];
        loop {
            let line = loop {
                if let Some(end) = find(&self.buffer, b"\r\n") {
                    break self.take(end + 2);
                }
                self.more()?;
            };
            let size = usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16)?;
            let chunk = self.exactly(size + 2)?;
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn exactly(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.buffer.len() < length {
            self.more()?;
        }
        Ok(self.take(length))
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(length);
        std::mem::replace(&mut self.buffer, rest)
    }

    fn more(&mut self) -> Result<()> {
        let mut part = [0; 16 * 1024];
        match self.stream.read(&mut part)? {
            0 => bail!("the server closed the connection"),
            n => self.buffer.extend_from_slice(&part[..n]),
        }
        Ok(())
    }
}

/// Where `wanted` begins.
pub fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
