//! A server's certificate, which its replica alone holds, in memory.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};

use super::{BACKDATED, CertError, Signer, State, fingerprint, later, set_validity, two_thirds};

/// A server's certificate and its key, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Certificate.
    pub cert_pem: String,
    /// Private key.
    pub key_pem: String,
    /// Certificate of the authority that signed it.
    pub signed_by: String,
    /// When it was made.
    pub made: Timestamp,
    /// The instant after which it carries nothing.
    pub ends: Timestamp,
}

/// What a replica does about its leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafStep {
    /// It serves what it has, and asks again at this instant.
    Keep(Timestamp),
    /// It has a new one signed.
    Sign,
}

impl fmt::Debug for Leaf {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Leaf").field(&fingerprint(&self.cert_pem)).field(&self.ends).finish()
    }
}

/// Whether a replica that holds this leaf needs another one.
///
/// A leaf whose authority is still in the bundle is not exchanged before the current authority may sign: API servers that
/// have not heard of it would refuse it, and take the old one.
pub fn leaf_step(held: Option<&Leaf>, state: &State, now: Timestamp) -> LeafStep {
    let Some(held) = held else { return LeafStep::Sign };
    if now >= held.ends || !state.knows(&held.signed_by) {
        return LeafStep::Sign;
    }
    if held.signed_by != state.current.authority.cert_pem {
        return if now >= state.signs_from { LeafStep::Sign } else { LeafStep::Keep(state.signs_from) };
    }
    let due = later(held.made, two_thirds(held.ends.duration_since(held.made)));
    // One that ends with its authority is not made longer by signing it again.
    if held.ends >= state.current.ends {
        return LeafStep::Keep(held.ends);
    }
    if now >= due { LeafStep::Sign } else { LeafStep::Keep(due) }
}

/// Makes a server's certificate for DNS names and IP addresses that lasts this long from `now`, and never longer than its
/// authority.
pub fn new_leaf(
    signer: &Signer,
    names: &[String],
    now: Timestamp,
    lasts: SignedDuration,
) -> Result<Leaf, CertError> {
    let make = |source| CertError::Make { what: "certificate", source };
    let authority = &signer.authority;
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
    let ends = later(now, lasts).min(signer.ends);
    set_validity(&mut params, later(now, -BACKDATED), ends);
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(make)?;
    let cert = params.signed_by(&key, &issuer).map_err(make)?;
    Ok(Leaf {
        cert_pem: cert.pem(),
        key_pem: key.serialize_pem(),
        signed_by: authority.cert_pem.clone(),
        made: now,
        ends,
    })
}
