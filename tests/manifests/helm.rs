//! The chart, as helm renders it; and the other programs that look at it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::yaml::project;

/// Namespace of the rendered default.
pub const NAMESPACE: &str = "carnet-system";

/// One document of the rendered chart.
pub struct Rendered {
    /// Template it comes from, below `templates/`.
    pub source: String,
    /// As helm wrote it.
    pub text: String,
}

/// What is given to the chart beside its defaults.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// Namespace of the release.
    pub namespace: &'a str,
    /// Files of values, below `charts/carnet/ci/`, and `name=value` in the order in which helm takes them.
    pub values: &'a [&'a str],
}

impl Given<'_> {
    /// The defaults.
    pub const NOTHING: Given<'static> = Given { namespace: NAMESPACE, values: &[] };
}

/// The directory that a build script names.
fn place(script: &str) -> PathBuf {
    let output =
        Command::new("bash").arg(project(script)).arg("--where").output().expect("bash runs the script");
    assert!(output.status.success(), "{script} --where: {}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}

/// A program that `make tools` puts into the cache; a missing one fails the test.
pub fn program(name: &str) -> Command {
    let script = match name {
        "helm" | "kubectl" => "hack/cluster/build.sh",
        _ => "hack/chart/build.sh",
    };
    let path = place(script).join(name);
    assert!(path.is_file(), "{} is not there: run `make tools`, which gets it", path.display());
    Command::new(path)
}

/// Runs a program; its standard output, or what it complained of.
pub fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(format!("{}{}", text(&output.stdout), text(&output.stderr)))
    }
}

/// Runs `helm template` on a chart; what helm writes, or what it complains of.
pub fn template(chart: &Path, given: Given<'_>) -> Result<String, String> {
    let mut helm = program("helm");
    helm.args(["template", "carnet"]).arg(chart).args(["--namespace", given.namespace, "--skip-tests"]);
    helm.args(["--kube-version", "1.37.2"]);
    give(&mut helm, given.values);
    run(&mut helm)
}

fn give(helm: &mut Command, values: &[&str]) {
    for value in values {
        if value.contains('=') {
            helm.args(["--set", value]);
        } else {
            helm.arg("--values").arg(project("charts/carnet/ci").join(value));
        }
    }
}

/// What helm tells who has installed a chart, its parts' words too.
pub fn notes_of(chart: &Path, values: &[&str]) -> String {
    let mut helm = program("helm");
    helm.args(["install", "carnet"]).arg(chart).args(["--namespace", NAMESPACE, "--dry-run=client"]);
    helm.arg("--render-subchart-notes");
    give(&mut helm, values);
    let said = run(&mut helm).unwrap_or_else(|e| panic!("{e}"));
    let (_, notes) = said.split_once("\nNOTES:\n").unwrap_or_else(|| panic!("no notes in {said}"));
    notes.to_owned()
}

/// What helm tells who has installed the chart.
pub fn notes(values: &[&str]) -> String {
    notes_of(&project("charts/carnet"), values)
}

/// The chart's documents, in helm's order.
pub fn documents(given: Given<'_>) -> Vec<Rendered> {
    let all = template(&project("charts/carnet"), given).unwrap_or_else(|e| panic!("{e}"));
    let mut rendered = vec![];
    for document in format!("\n{all}").split("\n---\n") {
        let Some((head, text)) = document.trim_start().split_once('\n') else { continue };
        let source = head.strip_prefix("# Source: carnet/templates/").unwrap_or_else(|| panic!("{document}"));
        rendered.push(Rendered { source: source.to_owned(), text: format!("{}\n", text.trim_matches('\n')) });
    }
    rendered
}

/// The chart's objects.
pub fn objects(given: Given<'_>) -> Vec<Value> {
    documents(given).iter().flat_map(|d| parse(&d.text)).collect()
}

/// The objects of a YAML text.
pub fn parse(text: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_else(|e| panic!("{e} in\n{text}"));
    all.into_iter().filter(|v| !v.is_null()).collect()
}

/// What helm refuses these values with.
pub fn refusal(values: &[&str]) -> String {
    match template(&project("charts/carnet"), Given { namespace: NAMESPACE, values }) {
        Ok(_) => panic!("{values:?} were taken"),
        Err(message) => message,
    }
}
