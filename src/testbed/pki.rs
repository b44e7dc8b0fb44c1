//! Keys and certificates of a test cluster, made anew for each and worth nothing after it.

use std::{net::IpAddr, path::Path};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

use super::error::{TestbedError, make_dir, write};

/// A certificate authority that lives as long as its cluster.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
    key: String,
}

/// A key with its certificate, both as PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

// === impl Authority ===

impl Authority {
    /// Makes an authority of that name.
    pub fn new(name: &str) -> Result<Self, TestbedError> {
        let failed = |source| TestbedError::Certificate { subject: name.to_owned(), source };
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.self_signed(&key).map_err(failed)?.pem();
        let key_pem = key.serialize_pem();
        Ok(Self { issuer: Issuer::new(params, key), certificate, key: key_pem })
    }

    /// The authority's own certificate as PEM, for those who are to trust it.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A certificate for a server that is reached under these addresses and names.
    pub fn server(&self, name: &str, addresses: &[IpAddr], names: &[&str]) -> Result<Identity, TestbedError> {
        let dns = names.iter().filter_map(|name| Some(SanType::DnsName((*name).try_into().ok()?)));
        let alternatives = addresses.iter().copied().map(SanType::IpAddress).chain(dns).collect();
        self.sign(name, None, ExtendedKeyUsagePurpose::ServerAuth, alternatives)
    }

    /// A client certificate: the common name is the user, the organization the group.
    pub fn client(&self, user: &str, group: Option<&str>) -> Result<Identity, TestbedError> {
        self.sign(user, group, ExtendedKeyUsagePurpose::ClientAuth, Vec::new())
    }

    fn sign(
        &self,
        name: &str,
        organization: Option<&str>,
        usage: ExtendedKeyUsagePurpose,
        alternatives: Vec<SanType>,
    ) -> Result<Identity, TestbedError> {
        let failed = |source| TestbedError::Certificate { subject: name.to_owned(), source };
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        if let Some(organization) = organization {
            params.distinguished_name.push(DnType::OrganizationName, organization);
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.subject_alt_names = alternatives;
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?.pem();
        Ok(Identity { certificate, key: key.serialize_pem() })
    }

    /// Writes `ca.crt` and `ca.key` into a directory.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), TestbedError> {
        make_dir(dir)?;
        write(&dir.join("ca.crt"), &self.certificate)?;
        write_secret(&dir.join("ca.key"), &self.key)
    }
}

// === impl Identity ===

impl Identity {
    /// Writes `<name>.crt` and `<name>.key` into a directory.
    pub(crate) fn write(&self, dir: &Path, name: &str) -> Result<(), TestbedError> {
        write(&dir.join(format!("{name}.crt")), &self.certificate)?;
        write_secret(&dir.join(format!("{name}.key")), &self.key)
    }
}

/// Writes the key pair that signs and checks ServiceAccount tokens, as `service-accounts.key` and `service-accounts.pub`.
pub(crate) fn write_service_account_keys(dir: &Path) -> Result<(), TestbedError> {
    let failed = |source| TestbedError::Certificate { subject: "service accounts".to_owned(), source };
    let key = KeyPair::generate().map_err(failed)?;
    write(&dir.join("service-accounts.pub"), key.public_key_pem())?;
    write_secret(&dir.join("service-accounts.key"), key.serialize_pem())
}

/// Writes a file that only its owner reads.
pub(crate) fn write_secret(path: &Path, content: impl AsRef<[u8]>) -> Result<(), TestbedError> {
    use std::{
        io::Write,
        os::unix::fs::OpenOptionsExt,
        sync::atomic::{AtomicU32, Ordering},
    };
    // Whole or not at all: a program that starts may read the file while another one's is written.
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let part = path.with_extension(format!("part-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
    let mut options = std::fs::OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&part)
        .and_then(|mut file| file.write_all(content.as_ref()))
        .and_then(|()| std::fs::rename(&part, path))
        .map_err(TestbedError::io(format!("write {}", path.display())))
}
