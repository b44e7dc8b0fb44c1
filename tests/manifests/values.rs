//! The chart's values: said once, described once, and refused when they are misspelt.

use std::{collections::BTreeMap, fs};

use expect_test::expect_file;
use serde_json::Value;

use crate::{
    helm,
    yaml::{list, project, text},
};

/// A value with its comment and its default as written.
struct Described {
    path: String,
    comment: String,
    default: String,
}

/// Reads values.yaml line by line: a value is a line that is not the head of a mapping below it.
fn described() -> Vec<Described> {
    let source = fs::read_to_string(project("charts/carnet/values.yaml")).expect("a readable file");
    let lines: Vec<&str> = source.lines().collect();
    let (mut open, mut comment): (Vec<(usize, String)>, String) = (vec![], String::new());
    let mut all = vec![];
    let mut number = 0;
    while number < lines.len() {
        let line = lines[number];
        number += 1;
        let (trimmed, indent) = (line.trim_start(), line.len() - line.trim_start().len());
        if let Some(said) = trimmed.strip_prefix('#') {
            said.trim().clone_into(&mut comment);
            continue;
        }
        let Some((name, inline)) = trimmed.split_once(':') else {
            comment.clear();
            continue;
        };
        open.retain(|(depth, _)| *depth < indent);
        let path = open.iter().map(|(_, n)| n.as_str()).chain([name]).collect::<Vec<_>>().join(".");
        let below: Vec<&str> = lines[number..]
            .iter()
            .copied()
            .take_while(|l| {
                let item = l.get(indent..).is_some_and(|rest| rest.starts_with("- "));
                !l.is_empty() && (l.starts_with(&" ".repeat(indent + 1)) || item)
            })
            .collect();
        let documented = !comment.is_empty();
        let default = match inline.trim() {
            "" if documented => {
                number += below.len();
                let flat: Vec<&str> = below.iter().map(|l| l.trim().trim_start_matches("- ")).collect();
                let is_list = below.iter().all(|l| l.trim().starts_with("- "));
                let (left, right) = if is_list { ("[", "]") } else { ("{", "}") };
                format!("{left}{}{right}", flat.join(", "))
            }
            "" => {
                open.push((indent, name.to_owned()));
                continue;
            }
            inline => inline.to_owned(),
        };
        all.push(Described { path, comment: std::mem::take(&mut comment), default });
    }
    all
}

fn defaults() -> Value {
    let source = fs::read_to_string(project("charts/carnet/values.yaml")).expect("a readable file");
    helm::parse(&source).remove(0)
}

#[test]
fn every_value_is_described_and_its_default_is_what_helm_reads() {
    let defaults = defaults();
    for value in described() {
        assert!(value.comment.ends_with('.'), "`{}` is described by `{}`", value.path, value.comment);
        let pointer = format!("/{}", value.path.replace('.', "/"));
        let read = defaults.pointer(&pointer).unwrap_or_else(|| panic!("no `{}` in values.yaml", value.path));
        let said = helm::parse(&value.default).pop().unwrap_or_default();
        assert_eq!(&said, read, "{}", value.path);
    }
}

#[test]
fn the_readme_has_every_value() {
    let path = project("charts/carnet/README.md");
    let readme = fs::read_to_string(&path).expect("a readable file");
    let (head, rest) = readme.split_once("values.yaml -->\n").expect("the mark before the table");
    let (_, tail) = rest.split_once("<!-- end of values -->").expect("the mark after the table");
    let row = |v: Described| {
        format!(
            "| `{}` | {} | `{}` |\n",
            v.path,
            v.comment.replace('|', "\\|"),
            v.default.replace('|', "\\|")
        )
    };
    let table: String = described().into_iter().map(row).collect();
    let table = format!("| value | meaning | default |\n| --- | --- | --- |\n{table}");
    expect_file![path].assert_eq(&format!("{head}values.yaml -->\n{table}<!-- end of values -->{tail}"));
}

/// Values of the schema, by their paths; open objects and lists are values.
fn of_schema(path: &str, schema: &Value, all: &mut BTreeMap<String, Value>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if property["properties"].is_object() {
            assert_eq!(property["additionalProperties"], false, "{path} takes what it does not know");
            of_schema(&path, property, all);
        } else {
            all.insert(path, property.clone());
        }
    }
}

#[test]
fn the_schema_knows_the_values_and_no_other() {
    let source = fs::read_to_string(project("charts/carnet/values.schema.json")).expect("a readable file");
    let schema: Value = serde_json::from_str(&source).expect("JSON");
    assert_eq!(schema["additionalProperties"], false);
    let mut known = BTreeMap::new();
    of_schema("", &schema, &mut known);
    for parent in ["global", "enabled"] {
        assert!(known.remove(parent).is_some(), "a parent chart passes `{parent}`");
    }
    let described: Vec<String> = described().into_iter().map(|v| v.path).collect();
    let mut sorted = described.clone();
    sorted.sort();
    assert_eq!(known.into_keys().collect::<Vec<_>>(), sorted);
}

#[test]
fn a_misspelt_value_is_refused_by_its_name() {
    for (value, word) in [
        ("transfers.mod=Enforce", "mod"),
        ("webhook.certmanager.enabled=true", "certmanager"),
        ("transfers.mode=enforce", "mode"),
        ("transfers.maxException=P1M", "maxException"),
        ("replicaCount=0", "replicaCount"),
        ("eraser.image.pull=Always", "pull"),
    ] {
        let message = helm::refusal(&[value]);
        assert!(message.contains(word) && message.contains("values don't meet"), "{value}: {message}");
    }
}

#[test]
fn what_cannot_be_together_is_refused_in_words() {
    let message = helm::refusal(&["webhook.failurePolicy=Ignore", "backstop.enabled=false"]);
    assert!(message.contains("every Pod would come in unjudged"), "{message}");
    let message = helm::refusal(&["erasure.namespaces={carnet-system}"]);
    assert!(message.contains("the namespace of Carnet itself"), "{message}");
    let message = helm::refusal(&["tests.namespace=kube-system"]);
    assert!(message.contains("nothing could be refused there"), "{message}");
}

#[test]
fn the_namespace_that_helm_test_removes_is_nobody_s() {
    for name in ["identity", "default", "kube-extra"] {
        let message = helm::refusal(&[&format!("tests.namespace={name}")]);
        assert!(message.contains("which may be somebody's"), "{name}: {message}");
    }
    let message = helm::refusal(&["tests.namespace=carnet-data", "erasure.namespaces={carnet-data}"]);
    assert!(message.contains("opens to deletion Jobs"), "{message}");
    let message = helm::refusal(&["tests.namespace=carnet-system"]);
    assert!(message.contains("the release's own"), "{message}");
}

#[test]
fn the_chart_names_every_kind_and_the_version_of_the_program() {
    let source = fs::read_to_string(project("charts/carnet/Chart.yaml")).expect("a readable file");
    let chart = helm::parse(&source).remove(0);
    assert_eq!(text(&chart, "/appVersion"), env!("CARGO_PKG_VERSION"));
    let named = helm::parse(text(&chart, "/annotations/artifacthub.io~1crds")).remove(0);
    let mut named: Vec<&str> = named.as_array().into_iter().flatten().map(|crd| text(crd, "/name")).collect();
    named.sort_unstable();
    let definitions: Vec<Value> = crate::yaml::all("crds");
    let mut kinds: Vec<&str> = definitions.iter().map(|crd| text(crd, "/metadata/name")).collect();
    kinds.sort_unstable();
    assert_eq!(named, kinds, "artifacthub.io/crds");
    let images = helm::parse(text(&chart, "/annotations/artifacthub.io~1images")).remove(0);
    for image in list(&images, "") {
        assert!(text(image, "/image").ends_with(env!("CARGO_PKG_VERSION")), "{image}");
    }
}
