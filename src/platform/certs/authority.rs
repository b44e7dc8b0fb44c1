//! An authority and its key.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PublicKeyData,
};
use x509_parser::prelude::X509Certificate;

use super::{BACKDATED, CertError, fingerprint, later, set_validity, validity};

/// Common name of every authority that we make.
const NAME: &str = "carnet webhook authority";

/// An authority and its key, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Authority {
    /// Certificate: what the `caBundle` of the webhook's configuration holds.
    pub cert_pem: String,
    /// Private key.
    pub key_pem: String,
}

/// An authority that was read and can sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Certificate and key.
    pub authority: Authority,
    /// When it was made.
    pub made: Timestamp,
    /// The instant after which it carries nothing.
    pub ends: Timestamp,
}

impl fmt::Debug for Authority {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authority").field(&fingerprint(&self.cert_pem)).finish()
    }
}

/// Makes an authority that lasts this long from `now`.
pub fn new_authority(now: Timestamp, lasts: SignedDuration) -> Result<Signer, CertError> {
    let make = |source| CertError::Make { what: "authority", source };
    let mut params = CertificateParams::new(Vec::new()).map_err(make)?;
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_validity(&mut params, later(now, -BACKDATED), later(now, lasts));
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(make)?;
    let cert = params.self_signed(&key).map_err(make)?;
    Signer::read(Authority { cert_pem: cert.pem(), key_pem: key.serialize_pem() })
}

impl Signer {
    /// Takes an authority for one that can sign: a certificate of an authority, and the key that belongs to it.
    pub fn read(authority: Authority) -> Result<Self, CertError> {
        let read = |what: &'static str, why: String| CertError::Read { what, why };
        let key =
            KeyPair::from_pem(&authority.key_pem).map_err(|e| read("authority's key", e.to_string()))?;
        let carries = validity(&authority.cert_pem)?;
        let fits = with_certificate(&authority.cert_pem, |cert| {
            cert.is_ca() && cert.public_key().raw == key.subject_public_key_info()
        })?;
        if !fits {
            let why = "it is no authority, or its key belongs to another one";
            return Err(read("authority", why.into()));
        }
        Ok(Self { authority, made: later(carries.from, BACKDATED), ends: carries.ends })
    }
}

/// The certificates of a bundle that are authorities of ours and still carry at `now`, each as PEM with its end.
pub(super) fn ours(bundle: &str, now: Timestamp) -> Vec<(String, Timestamp)> {
    const END: &str = "-----END CERTIFICATE-----";
    let texts = bundle.split_inclusive(END).map(|text| format!("{}\n", text.trim()));
    let carries = texts.filter_map(|pem| Some((validity(&pem).ok()?.ends, pem)));
    let ours = carries.filter(|(ends, pem)| {
        let named = with_certificate(pem, |cert| {
            cert.is_ca()
                && cert.subject().iter_common_name().any(|name| name.as_str().is_ok_and(|n| n == NAME))
        });
        *ends > now && named.unwrap_or(false)
    });
    ours.map(|(ends, pem)| (pem, ends)).collect()
}

fn with_certificate<T>(pem: &str, ask: impl Fn(&X509Certificate<'_>) -> T) -> Result<T, CertError> {
    let read = |why: String| CertError::Read { what: "authority", why };
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).map_err(|e| read(e.to_string()))?;
    let cert = pem.parse_x509().map_err(|e| read(e.to_string()))?;
    Ok(ask(&cert))
}
