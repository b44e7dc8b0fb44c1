//! Our own kinds: what their definitions ask for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::{
    kinds,
    object::Object,
    schema::{Schema, SchemaError},
};
use crate::{
    api::{labels, v1alpha1::crds},
    parse::FieldError,
};

/// A kind of ours.
pub struct Ours {
    /// Plural of its name.
    pub plural: String,
    /// Whether its objects are in a namespace.
    pub namespaced: bool,
    /// Its versions.
    versions: Vec<String>,
    schema: Schema,
}

/// Our kinds, each with its schema.
pub struct Definitions(BTreeMap<String, Ours>);

impl Definitions {
    /// Those that are installed with this version; read once, since compiling rules takes a while.
    pub fn built_in() -> Result<&'static Self, &'static SchemaError> {
        static BUILT_IN: LazyLock<Result<Definitions, SchemaError>> = LazyLock::new(Definitions::read);
        BUILT_IN.as_ref()
    }

    fn read() -> Result<Self, SchemaError> {
        let mut all = BTreeMap::new();
        for definition in crds() {
            let schema = Schema::of(&definition)?;
            let spec = definition.spec;
            let ours = Ours {
                plural: spec.names.plural,
                namespaced: spec.scope == "Namespaced",
                versions: spec.versions.into_iter().filter(|v| v.served).map(|v| v.name).collect(),
                schema,
            };
            all.insert(spec.names.kind, ours);
        }
        Ok(Self(all))
    }

    /// The kind of an object; none where it is not ours, and why where it would be ours and is not.
    pub fn of(&self, object: &Object) -> Option<Result<&Ours, String>> {
        let Object { group, version, kind, .. } = object;
        if group != labels::GROUP {
            return None;
        }
        let none = format!("no matches for kind \"{kind}\" in version \"{group}/{version}\"");
        Some(self.0.get(kind).filter(|ours| ours.versions.contains(version)).ok_or(none))
    }

    /// Every kind by its name.
    pub fn all(&self) -> impl Iterator<Item = (&String, &Ours)> {
        self.0.iter()
    }
}

impl Ours {
    /// What the API server would refuse in an object that is created, or, where there is one, put in the place of `old`.
    pub fn wrong(&self, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = vec![];
        let add = |errors: &mut Vec<FieldError>, path: &str, problem: &str, fix: &str| {
            errors.push(FieldError::new(path, problem, fix));
        };
        for field in object.as_object().into_iter().flat_map(|fields| fields.keys()) {
            // What is written into the status of an object is dropped when it is created.
            if !["apiVersion", "kind", "metadata", "spec", "status"].contains(&field.as_str()) {
                add(
                    &mut errors,
                    field,
                    &format!("unknown field \"{field}\""),
                    "compare it with `kubectl explain`",
                );
            }
        }
        let meta = &object["metadata"];
        let (unknown, misfit) = kinds::strict::<ObjectMeta>(meta);
        for path in unknown {
            let path = format!("metadata.{path}");
            add(
                &mut errors,
                &path,
                &format!("unknown field \"{path}\""),
                "compare it with `kubectl explain`",
            );
        }
        if let Some(why) = misfit {
            add(&mut errors, "metadata", &format!("cannot be read: {why}"), "write at least a name");
        }
        let text = |field: &str| meta[field].as_str().unwrap_or_default();
        if text("name").is_empty() && text("generateName").is_empty() {
            add(&mut errors, "metadata.name", "Required value: name or generateName is required", "add it");
        } else if !text("name").is_empty() && !is_subdomain(text("name")) {
            let fix = "write lower-case letters, digits, - and ., a letter or digit at both ends";
            add(&mut errors, "metadata.name", "Invalid value: a lowercase RFC 1123 subdomain is needed", fix);
        }
        if !self.namespaced && !text("namespace").is_empty() {
            let fix = "leave metadata.namespace out: nobody's namespace makes it his own";
            add(&mut errors, "metadata.namespace", "objects of this kind are in no namespace", fix);
        }
        match object.get("spec") {
            Some(spec) => errors.extend(self.schema.check(spec, old.and_then(|old| old.get("spec")))),
            None => add(&mut errors, "spec", "Required value", "add it"),
        }
        errors
    }

    /// What its rules say where they are broken, each once.
    pub fn messages(&self) -> BTreeSet<String> {
        self.schema.all_rules().into_iter().map(|(_, rule)| rule.message.clone()).collect()
    }

    /// Its schema.
    #[cfg(test)]
    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }
}

fn is_subdomain(name: &str) -> bool {
    let is_end = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    name.len() <= 253
        && name.split('.').all(|label| {
            is_end(label.bytes().next())
                && is_end(label.bytes().last())
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        })
}
