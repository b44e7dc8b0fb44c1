//! Expected against live.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Deviation, Expected, Id, Kind, bundle, defaults, excerpt};

/// What is there, of these kinds; objects of others may be among it.
pub type Live = BTreeMap<Id, Value>;

/// Every difference, by object and field. Objects that were not installed are none of our business.
///
/// `authority` is the fingerprint of the certificate authority that we serve under ([`super::fingerprints`]), where it is known.
pub fn compare(expected: &Expected, live: &Live, authority: Option<&str>) -> Vec<Deviation> {
    let mut all = vec![];
    for (id, wanted) in expected.objects() {
        let Some(there) = live.get(id) else {
            all.push(Deviation {
                kind: id.kind,
                name: id.name.clone(),
                field: None,
                expected: None,
                found: None,
                release: None,
            });
            continue;
        };
        let mut found = Found { id, release: other_release(wanted, there), all: vec![] };
        let (mut wanted, mut there) = (wanted.clone(), there.clone());
        if matches!(id.kind, Kind::ValidatingWebhookConfiguration | Kind::MutatingWebhookConfiguration) {
            bundles(&there, authority, &mut found);
            drop_bundles(&mut wanted);
            drop_bundles(&mut there);
        }
        defaults::fill(id.kind, &mut wanted);
        defaults::fill(id.kind, &mut there);
        let part = id.kind.part();
        field(part, wanted.get(part), there.get(part), &mut found);
        all.append(&mut found.all);
    }
    all.sort();
    all
}

struct Found<'a> {
    id: &'a Id,
    release: Option<String>,
    all: Vec<Deviation>,
}

impl Found<'_> {
    fn add(&mut self, path: &str, expected: Option<String>, found: Option<String>) {
        self.all.push(Deviation {
            kind: self.id.kind,
            name: self.id.name.clone(),
            field: Some(path.to_owned()),
            expected,
            found,
            release: self.release.clone(),
        });
    }
}

/// The release that a live object says it is of, where the expected one says another.
fn other_release(expected: &Value, live: &Value) -> Option<String> {
    let of = |object: &Value| {
        let labels = object.pointer("/metadata/labels")?;
        Some(labels.get("app.kubernetes.io/version")?.as_str()?.to_owned())
    };
    let (ours, theirs) = (of(expected)?, of(live)?);
    (ours != theirs).then_some(theirs)
}

fn bundles(live: &Value, authority: Option<&str>, found: &mut Found<'_>) {
    for webhook in live.get("webhooks").and_then(Value::as_array).into_iter().flatten() {
        if let Some((expected, there)) = bundle::wrong(webhook, authority) {
            let name = webhook.get("name").and_then(Value::as_str).unwrap_or_default();
            let path = format!("webhooks[{name}].clientConfig.caBundle");
            found.add(&path, Some(expected.to_owned()), there);
        }
    }
}

fn drop_bundles(object: &mut Value) {
    for webhook in object.get_mut("webhooks").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(config) = webhook.get_mut("clientConfig").and_then(Value::as_object_mut) {
            config.remove("caBundle");
        }
    }
}

/// One field, which either side may lack. Null, an empty list and an empty text say nothing.
fn field(path: &str, expected: Option<&Value>, found: Option<&Value>, out: &mut Found<'_>) {
    let says = |value: &&Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
    };
    match (expected.filter(says), found.filter(says)) {
        (None, None) => {}
        (Some(expected), None) => out.add(path, Some(excerpt::one(expected)), None),
        (None, Some(found)) => out.add(path, None, Some(excerpt::one(found))),
        (Some(expected), Some(found)) => value(path, expected, found, out),
    }
}

fn value(path: &str, expected: &Value, found: &Value, out: &mut Found<'_>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => fields(path, expected, found, out),
        (Value::Array(expected), Value::Array(found)) => items(path, expected, found, out),
        _ if expected == found => {}
        _ => {
            let (expected, found) = excerpt::both(expected, found);
            out.add(path, Some(expected), Some(found));
        }
    }
}

fn fields(path: &str, expected: &Map<String, Value>, found: &Map<String, Value>, out: &mut Found<'_>) {
    let names: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    for name in names {
        field(&format!("{path}.{name}"), expected.get(name), found.get(name), out);
    }
}

fn items(path: &str, expected: &[Value], found: &[Value], out: &mut Found<'_>) {
    if let (Some(expected), Some(found)) = (by_name(expected), by_name(found)) {
        let names: BTreeSet<&str> = expected.keys().chain(found.keys()).copied().collect();
        for name in names {
            let at = |side: &BTreeMap<&str, &Value>| side.get(name).copied().cloned();
            field(&format!("{path}[{name}]"), at(&expected).as_ref(), at(&found).as_ref(), out);
        }
    } else if expected.iter().chain(found).all(|item| !item.is_object() && !item.is_array()) {
        // Lists of words are sets here: operations, resources, values of a selector.
        let set = |side: &[Value]| side.iter().map(Value::to_string).collect::<BTreeSet<_>>();
        if set(expected) != set(found) {
            let (expected, found) = excerpt::both(&expected.into(), &found.into());
            out.add(path, Some(expected), Some(found));
        }
    } else {
        for index in 0..expected.len().max(found.len()) {
            field(&format!("{path}[{index}]"), expected.get(index), found.get(index), out);
        }
    }
}

/// Items by their names, where each has one of its own.
fn by_name(items: &[Value]) -> Option<BTreeMap<&str, &Value>> {
    let named: Option<BTreeMap<&str, &Value>> =
        items.iter().map(|item| Some((item.get("name")?.as_str()?, item))).collect();
    named.filter(|named| named.len() == items.len())
}
