//! The authorities as the data of a Secret. A Secret of before there was rotation holds the first two keys alone.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use serde::{Deserialize, Serialize};

use super::{Authority, Next, Retired, Signer, State, validity};

const CERT: &str = "ca.crt";
const KEY: &str = "ca.key";
const NEXT_CERT: &str = "next.crt";
const NEXT_KEY: &str = "next.key";
const PREVIOUS: &str = "previous.json";
const ROTATION: &str = "rotation.json";

/// Why the data of the Secret cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("key `{key}`: {why}")]
pub struct Damage {
    /// Of the data.
    pub key: &'static str,
    /// What is wrong.
    pub why: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rotation {
    signs_from: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    announced: Option<String>,
    #[serde(default)]
    distrust: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Old {
    certificate: String,
    until: String,
    #[serde(default)]
    gone: bool,
}

/// The data that says this.
pub fn to_data(state: &State) -> BTreeMap<String, ByteString> {
    let State { current, signs_from, next, previous } = state;
    let rotation = Rotation {
        signs_from: signs_from.to_string(),
        announced: next.as_ref().and_then(|n| n.announced).map(|at| at.to_string()),
        distrust: next.as_ref().is_some_and(|n| n.distrust),
    };
    let previous: Vec<_> = previous
        .iter()
        .map(|p| Old { certificate: p.cert_pem.clone(), until: p.until.to_string(), gone: p.gone })
        .collect();
    let mut texts = vec![
        (CERT, current.authority.cert_pem.clone()),
        (KEY, current.authority.key_pem.clone()),
        (PREVIOUS, json(&previous)),
        (ROTATION, json(&rotation)),
    ];
    if let Some(next) = next {
        texts.push((NEXT_CERT, next.signer.authority.cert_pem.clone()));
        texts.push((NEXT_KEY, next.signer.authority.key_pem.clone()));
    }
    texts.into_iter().map(|(key, text)| (key.to_owned(), ByteString(text.into_bytes()))).collect()
}

/// What data says.
pub fn from_data(data: &BTreeMap<String, ByteString>) -> Result<State, Damage> {
    let current =
        signer(data, CERT, KEY)?.ok_or_else(|| Damage { key: CERT, why: "it is missing".into() })?;
    let rotation: Option<Rotation> = read(data, ROTATION)?;
    let old: Vec<Old> = read(data, PREVIOUS)?.unwrap_or_default();
    let previous = old
        .into_iter()
        .map(|Old { certificate, until, gone }| {
            let carries = validity(&certificate).map_err(|e| Damage { key: PREVIOUS, why: e.to_string() })?;
            Ok(Retired { cert_pem: certificate, until: instant(PREVIOUS, &until)?, ends: carries.ends, gone })
        })
        .collect::<Result<_, _>>()?;
    let (signs_from, announced, distrust) = match rotation {
        None => (current.made, None, false),
        Some(r) => (
            instant(ROTATION, &r.signs_from)?,
            r.announced.map(|at| instant(ROTATION, &at)).transpose()?,
            r.distrust,
        ),
    };
    let next = signer(data, NEXT_CERT, NEXT_KEY)?.map(|signer| Next { signer, announced, distrust });
    Ok(State { current, signs_from, next, previous })
}

fn signer(
    data: &BTreeMap<String, ByteString>,
    cert: &'static str,
    key: &'static str,
) -> Result<Option<Signer>, Damage> {
    match (text(data, cert)?, text(data, key)?) {
        (None, None) => Ok(None),
        (Some(cert_pem), Some(key_pem)) => Signer::read(Authority { cert_pem, key_pem })
            .map(Some)
            .map_err(|e| Damage { key: cert, why: e.to_string() }),
        (None, Some(_)) => Err(Damage { key: cert, why: "it is missing".into() }),
        (Some(_), None) => Err(Damage { key, why: "it is missing".into() }),
    }
}

fn text(data: &BTreeMap<String, ByteString>, key: &'static str) -> Result<Option<String>, Damage> {
    let Some(bytes) = data.get(key) else { return Ok(None) };
    String::from_utf8(bytes.0.clone()).map(Some).map_err(|_| Damage { key, why: "it is no text".into() })
}

fn read<T: for<'a> Deserialize<'a>>(
    data: &BTreeMap<String, ByteString>,
    key: &'static str,
) -> Result<Option<T>, Damage> {
    let Some(text) = text(data, key)? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|e| Damage { key, why: e.to_string() })
}

fn instant(key: &'static str, text: &str) -> Result<Timestamp, Damage> {
    text.parse().map_err(|_| Damage { key, why: format!("`{text}` is no instant") })
}

fn json(value: &impl Serialize) -> String {
    // Structs of texts: there is no value that it could fail for.
    serde_json::to_string(value).unwrap_or_default()
}
