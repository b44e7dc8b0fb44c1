//! `caBundle`: the one field that is written after the installation.

use std::collections::BTreeSet;

use k8s_openapi::ByteString;
use serde_json::Value;
use sha2::{Digest, Sha256};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The certificates of a PEM text, each by the beginning of its text's SHA-256.
pub fn fingerprints(pem: &str) -> BTreeSet<String> {
    certificates(pem)
        .map(|body| {
            let digest = Sha256::digest(format!("{BEGIN}{body}{END}").as_bytes());
            digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
        })
        .collect()
}

/// The PEM text of a `caBundle` as the API carries it; none where it is none.
pub fn pem_of(bundle: &Value) -> Option<String> {
    let bytes = serde_json::from_value::<ByteString>(bundle.clone()).ok()?;
    String::from_utf8(bytes.0).ok()
}

fn certificates(pem: &str) -> impl Iterator<Item = &str> {
    pem.split(BEGIN).skip(1).filter_map(|rest| rest.split_once(END)).map(|(body, _)| body)
}

/// Why the bundle of this webhook does not do, as (expected, found); none = it does.
///
/// `authority` is the fingerprint of what we serve under, where that is known: it must be among the bundle's, which may
/// hold others.
pub(super) fn wrong(webhook: &Value, authority: Option<&str>) -> Option<(&'static str, Option<String>)> {
    let bundle = webhook.pointer("/clientConfig/caBundle").filter(|b| b.as_str() != Some(""));
    let Some(bundle) = bundle else {
        return Some(("the authority of the operator's certificate", None));
    };
    let there = pem_of(bundle).map(|pem| fingerprints(&pem)).unwrap_or_default();
    if there.is_empty() {
        return Some(("a PEM certificate", Some("none".into())));
    }
    if authority.is_none_or(|ours| there.contains(ours)) {
        return None;
    }
    let found = match there.len() {
        1 => "1 other certificate".into(),
        n => format!("{n} other certificates"),
    };
    Some(("the authority of the operator's certificate", Some(found)))
}
