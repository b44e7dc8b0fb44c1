//! The examples are what the types read, no field more.

use carnet::api::v1alpha1 as api;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::yaml::{documents, files, text};

/// What is left of a document after it went through its type.
fn through<T: DeserializeOwned + Serialize>(document: &Value) -> Value {
    let object: T = serde_json::from_value(document.clone()).unwrap_or_else(|e| panic!("{e} in {document}"));
    serde_json::to_value(object).expect("an object is JSON")
}

/// Asserts that everything in `written` is in `read`; empty lists and maps may be left out.
fn nothing_lost(path: &str, written: &Value, read: &Value) {
    match (written, read) {
        (Value::Object(w), _) if w.is_empty() => {}
        (Value::Array(w), _) if w.is_empty() => {}
        (Value::Object(w), Value::Object(r)) => {
            for (name, value) in w {
                nothing_lost(&format!("{path}.{name}"), value, r.get(name).unwrap_or(&Value::Null));
            }
        }
        (Value::Array(w), Value::Array(r)) => {
            assert_eq!(w.len(), r.len(), "{path}");
            for (i, (w, r)) in w.iter().zip(r).enumerate() {
                nothing_lost(&format!("{path}[{i}]"), w, r);
            }
        }
        _ => assert_eq!(written, read, "{path} is not what was written"),
    }
}

#[test]
fn every_example_is_read_without_losing_a_field() {
    let mut kinds = std::collections::BTreeSet::new();
    for file in files("examples") {
        for document in documents(&file) {
            assert_eq!(text(&document, "/apiVersion"), "carnet.dev/v1alpha1", "{}", file.display());
            let kind = text(&document, "/kind");
            let read = match kind {
                "Party" => through::<api::Party>(&document),
                "DataStore" => through::<api::DataStore>(&document),
                "TransferSafeguard" => through::<api::TransferSafeguard>(&document),
                "DataPrivacyFrameworkSnapshot" => through::<api::DataPrivacyFrameworkSnapshot>(&document),
                "TransferException" => through::<api::TransferException>(&document),
                "RetentionPolicy" => through::<api::RetentionPolicy>(&document),
                "LegalHold" => through::<api::LegalHold>(&document),
                "DeletionApproval" => through::<api::DeletionApproval>(&document),
                other => panic!("{}: no kind of ours that people write: {other}", file.display()),
            };
            nothing_lost(kind, &document, &read);
            kinds.insert(kind.to_owned());
        }
    }
    assert_eq!(kinds.len(), 8, "an example of every kind that people write: {kinds:?}");
}
