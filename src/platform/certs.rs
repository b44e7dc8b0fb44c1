//! The webhook's own certificate, when it was given none: a small authority and one leaf, ECDSA P-256.

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};

/// An authority and its key, as PEM.
#[derive(Clone)]
pub struct Authority {
    /// Certificate: the `caBundle` of the webhook's configuration.
    pub cert_pem: String,
    /// Private key.
    pub key_pem: String,
}

/// A server's certificate and its key, as PEM.
#[derive(Clone)]
pub struct Leaf {
    /// Certificate.
    pub cert_pem: String,
    /// Private key.
    pub key_pem: String,
}

/// Why no certificate could be made or read.
#[derive(Debug, thiserror::Error)]
pub enum CertError {
    /// A key or certificate could not be made.
    #[error("failed to make the webhook's {what}: {source}")]
    Make {
        /// What was to be made.
        what: &'static str,
        /// Why.
        source: rcgen::Error,
    },
    /// A PEM text could not be read.
    #[error("failed to read the webhook's {what}: {why}")]
    Read {
        /// What was read.
        what: &'static str,
        /// Why.
        why: String,
    },
}

/// Makes an authority that lasts ten years from `now`.
pub fn new_authority(now: Timestamp) -> Result<Authority, CertError> {
    let make = |source| CertError::Make { what: "authority", source };
    let mut params = CertificateParams::new(Vec::new()).map_err(make)?;
    params.distinguished_name.push(DnType::CommonName, "carnet webhook authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    validity(&mut params, now, 10);
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(make)?;
    let cert = params.self_signed(&key).map_err(make)?;
    Ok(Authority { cert_pem: cert.pem(), key_pem: key.serialize_pem() })
}

/// Makes a server's certificate for DNS names and IP addresses that lasts a year from `now`.
pub fn new_leaf(authority: &Authority, names: &[String], now: Timestamp) -> Result<Leaf, CertError> {
    let make = |source| CertError::Make { what: "certificate", source };
    let ca_key = KeyPair::from_pem(&authority.key_pem)
        .map_err(|e| CertError::Read { what: "authority's key", why: e.to_string() })?;
    let issuer = Issuer::from_ca_cert_pem(&authority.cert_pem, ca_key)
        .map_err(|e| CertError::Read { what: "authority", why: e.to_string() })?;
    // A name that is an address becomes one.
    let mut params = CertificateParams::new(names.to_vec()).map_err(make)?;
    params.distinguished_name.push(DnType::CommonName, "carnet webhook");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    validity(&mut params, now, 1);
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(make)?;
    let cert = params.signed_by(&key, &issuer).map_err(make)?;
    Ok(Leaf { cert_pem: cert.pem(), key_pem: key.serialize_pem() })
}

/// The instant after which a certificate carries nothing.
pub fn ends(cert_pem: &str) -> Result<Timestamp, CertError> {
    let read = |why: String| CertError::Read { what: "certificate", why };
    let (_, pem) = x509_parser::pem::parse_x509_pem(cert_pem.as_bytes()).map_err(|e| read(e.to_string()))?;
    let cert = pem.parse_x509().map_err(|e| read(e.to_string()))?;
    Timestamp::from_second(cert.validity().not_after.timestamp()).map_err(|e| read(e.to_string()))
}

fn validity(params: &mut CertificateParams, now: Timestamp, years: i32) {
    let today = now.to_zoned(TimeZone::UTC).date();
    // A day back: clocks differ.
    let from = today.saturating_sub(1.day());
    let until = today.saturating_add(years.years());
    let day = |d: jiff::civil::Date| {
        date_time_ymd(i32::from(d.year()), d.month().unsigned_abs(), d.day().unsigned_abs())
    };
    params.not_before = day(from);
    params.not_after = day(until);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_signed_by_its_authority_for_every_name_and_for_a_year() {
        let now: Timestamp = "2026-11-01T12:00:00Z".parse().unwrap();
        let ca = new_authority(now).unwrap();
        let names = ["carnet.carnet-system.svc".to_owned(), "127.0.0.1".to_owned()];
        let leaf = new_leaf(&ca, &names, now).unwrap();
        let (_, ca_pem) = x509_parser::pem::parse_x509_pem(ca.cert_pem.as_bytes()).unwrap();
        let (_, leaf_pem) = x509_parser::pem::parse_x509_pem(leaf.cert_pem.as_bytes()).unwrap();
        let (ca_cert, leaf_cert) = (ca_pem.parse_x509().unwrap(), leaf_pem.parse_x509().unwrap());
        assert_eq!(leaf_cert.issuer(), ca_cert.subject());
        assert!(ca_cert.is_ca() && !leaf_cert.is_ca());
        let sans = leaf_cert.subject_alternative_name().unwrap().unwrap();
        let sans: Vec<String> = sans.value.general_names.iter().map(ToString::to_string).collect();
        let sans = sans.join(" ");
        assert!(sans.contains("carnet.carnet-system.svc") && sans.contains("IPAddress"), "{sans}");
        assert_eq!(ends(&leaf.cert_pem).unwrap(), "2027-11-01T00:00:00Z".parse().unwrap());
    }

    #[test]
    fn what_is_no_certificate_is_refused_with_what_was_tried() {
        assert!(ends("nonsense").unwrap_err().to_string().contains("webhook's certificate"));
    }
}
