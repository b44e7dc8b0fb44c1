//! How the server's identity is checked.

use std::sync::Arc;

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::error::EraseError;
use crate::core::store::SslMode;

/// A TLS configuration; none where the connection is not encrypted.
pub(super) fn config(mode: SslMode, ca: Option<&[u8]>) -> Result<Option<ClientConfig>, EraseError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = || {
        ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|e| EraseError::Connect(e.to_string()))
    };
    let verifier: Arc<dyn ServerCertVerifier> = match mode {
        SslMode::Disable => return Ok(None),
        SslMode::Require => Arc::new(Unchecked(provider.clone())),
        SslMode::VerifyCa => Arc::new(AnyName(web_pki(ca, &provider)?)),
        SslMode::VerifyFull => web_pki(ca, &provider)?,
    };
    let config = builder()?.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    Ok(Some(config))
}

/// The issuers in PEM, each of which can be used.
pub(super) fn authorities(ca: Option<&[u8]>) -> Result<Vec<u8>, EraseError> {
    let roots = roots(ca)?;
    if roots.is_empty() {
        return Err(EraseError::Credentials("key ca.crt holds no certificate".into()));
    }
    Ok(ca.unwrap_or_default().to_vec())
}

fn web_pki(
    ca: Option<&[u8]>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, EraseError> {
    WebPkiServerVerifier::builder_with_provider(roots(ca)?.into(), provider.clone())
        .build()
        .map_err(|_| EraseError::Credentials("key ca.crt holds no certificate".into()))
}

fn roots(ca: Option<&[u8]>) -> Result<RootCertStore, EraseError> {
    let bad = |why: &str| EraseError::Credentials(why.into());
    let mut pem = ca.ok_or_else(|| bad("key ca.crt is missing, which this sslMode needs"))?;
    let mut roots = RootCertStore::empty();
    for cert in rustls_pemfile::certs(&mut pem) {
        roots
            .add(cert.map_err(|_| bad("key ca.crt is no PEM"))?)
            .map_err(|_| bad("key ca.crt holds no certificate that can be used"))?;
    }
    Ok(roots)
}

/// Encryption alone, as `Require` says.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

/// The issuer is checked, the name is not, as `VerifyCA` says.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        cert: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.0.verify_server_cert(cert, intermediates, name, ocsp, now) {
            // The name is judged last, once the chain holds.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            answer => answer,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
