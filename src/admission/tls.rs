//! What is served by: a certificate and its key.

use std::{io, sync::Arc};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// HTTP/1.1 alone, which is all that API servers offer their webhooks (kubernetes#75791): with HTTP/2, all reviews of an API
/// server would go over one connection to one replica, and wait together when that one is frozen.
const ALPN: &[u8] = b"http/1.1";

/// A certificate chain and its key, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct TlsPair {
    /// Certificate chain.
    pub cert: String,
    /// Private key.
    pub key: String,
}

impl TlsPair {
    /// As a server takes it; an error where it cannot be read, or the key belongs to another certificate.
    pub fn config(&self) -> io::Result<Arc<ServerConfig>> {
        // A second call finds one installed, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let chain = CertificateDer::pem_slice_iter(self.cert.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| io::Error::other(format!("the certificate is no PEM: {e}")))?;
        if chain.is_empty() {
            return Err(io::Error::other("there is no certificate in it"));
        }
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes())
            .map_err(|e| io::Error::other(format!("the key is no PEM: {e}")))?;
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Arc::new(config))
    }
}
