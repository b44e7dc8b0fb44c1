//! Ends of certificates, read as far as that: what the API server believes is public.

use jiff::Timestamp;

/// When each certificate of a PEM text ends.
pub fn bundle_ends(pem: &str) -> Vec<Timestamp> {
    let mut ends = vec![];
    let mut rest = pem.as_bytes();
    while let Ok((left, pem)) = x509_parser::pem::parse_x509_pem(rest) {
        if let Ok(certificate) = pem.parse_x509()
            && let Ok(end) = Timestamp::from_second(certificate.validity().not_after.timestamp())
        {
            ends.push(end);
        }
        if left.len() == rest.len() {
            break;
        }
        rest = left;
    }
    ends
}
