//! Objects of the manifests: each of a list by itself, with the place where it stands.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    finding::{Code, Finding, Severity, Spot},
    input::Text,
    yaml,
};

/// An object as it is written.
#[derive(Clone, Debug)]
pub struct Object {
    /// Where it stands.
    pub spot: Spot,
    /// Group, empty for the core.
    pub group: String,
    /// Version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// The object.
    pub value: Value,
    /// Lines by the paths of its fields.
    lines: BTreeMap<String, usize>,
}

impl Object {
    /// Its name for people: kind, namespace and name.
    pub fn title(&self) -> String {
        let (namespace, name) = (self.namespace(), self.name());
        let prefix = self.meta("generateName");
        let name = match (name.is_empty(), prefix.is_empty()) {
            (false, _) => name.to_owned(),
            (true, false) => format!("{prefix}*"),
            (true, true) => "(unnamed)".to_owned(),
        };
        if namespace.is_empty() {
            format!("{} {name}", self.kind)
        } else {
            format!("{} {namespace}/{name}", self.kind)
        }
    }

    /// The same object in the same place, saying something else.
    #[must_use]
    pub fn saying(&self, value: Value) -> Self {
        Self { value, ..self.clone() }
    }

    /// Its namespace; empty where none is named.
    pub fn namespace(&self) -> &str {
        self.meta("namespace")
    }

    /// Its name; empty where none is named.
    pub fn name(&self) -> &str {
        self.meta("name")
    }

    /// A text of its metadata.
    pub fn meta(&self, field: &str) -> &str {
        self.value["metadata"][field].as_str().unwrap_or_default()
    }

    /// The place of a field, or of the nearest one around it that is written.
    pub fn at(&self, path: &str) -> Spot {
        let mut path = path;
        loop {
            if let Some(line) = self.lines.get(path) {
                return Spot { line: *line, ..self.spot.clone() };
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return self.spot.clone(),
            }
        }
    }
}

/// Every object of the texts, and what is wrong with those that are none.
pub fn objects(texts: &[Text]) -> (Vec<Object>, Vec<Finding>) {
    let (mut all, mut findings) = (vec![], vec![]);
    for Text { file, content } in texts {
        let spot = |line| Spot { file: file.clone(), line };
        let invalid = |line, message: String| Finding {
            severity: Severity::Invalid,
            code: Code::Unreadable,
            spot: spot(line),
            object: String::new(),
            message,
        };
        let text = match content {
            Ok(text) => text,
            Err(why) => {
                findings.push(invalid(1, format!("cannot be read: {why}")));
                continue;
            }
        };
        let (documents, broken) = yaml::documents(text);
        for yaml::Document { line, value, lines, problems } in documents {
            findings.extend(problems.into_iter().map(|(line, why)| invalid(line, why)));
            match list(value, &spot(line), lines) {
                Ok(objects) => all.extend(objects),
                Err((line, why)) => findings.push(invalid(line, why)),
            }
        }
        if let Some(yaml::Broken { line, why }) = broken {
            findings.push(invalid(line, format!("no YAML: {why}")));
        }
    }
    (all, findings)
}

/// The objects of a document: itself, or the items of a list.
fn list(value: Value, spot: &Spot, lines: BTreeMap<String, usize>) -> Result<Vec<Object>, (usize, String)> {
    let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if !value.is_object() {
        return Err((spot.line, "is no object: write apiVersion, kind and metadata".into()));
    }
    for (field, text) in [("apiVersion", &api_version), ("kind", &kind)] {
        if text.is_empty() {
            return Err((spot.line, format!("Object '{field}' is missing: write it")));
        }
    }
    let is_list = kind.ends_with("List") && value["items"].is_array();
    let Some(items) = is_list.then(|| value["items"].as_array().cloned()).flatten() else {
        let (group, version) = match api_version.split_once('/') {
            Some((group, version)) => (group.to_owned(), version.to_owned()),
            None => (String::new(), api_version),
        };
        return Ok(vec![Object { spot: spot.clone(), group, version, kind, value, lines }]);
    };
    let mut all = vec![];
    for (n, mut item) in items.into_iter().enumerate() {
        // The items of a typed list need not say what they are.
        if let (Value::Object(fields), true) = (&mut item, kind != "List") {
            fields.entry("apiVersion").or_insert_with(|| api_version.clone().into());
            fields.entry("kind").or_insert_with(|| kind.trim_end_matches("List").into());
        }
        let path = format!("items[{n}]");
        let line = lines.get(&path).copied().unwrap_or(spot.line);
        let prefix = format!("{path}.");
        let inner = lines.range(prefix.clone()..).take_while(|(path, _)| path.starts_with(&prefix));
        let inner = inner.map(|(path, line)| (path[prefix.len()..].to_owned(), *line)).collect();
        all.extend(list(item, &Spot { line, ..spot.clone() }, inner)?);
    }
    Ok(all)
}
