//! Layers, kept by a test: `docs/adr/0002-one-package-layers-by-test.md`.

mod rules;
mod source;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use rules::{
    CLIENT, CLOCKS, CONFINED, HARD_LINES, KILLED, LAW, LAYERS, NOT_KILLED, ONLY_CRATES, SOFT_LINES, TIMELESS,
    WRITES,
};
use source::Source;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).expect("a readable file")
}

fn rust_files(below: &str) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut open = vec![root().join(below)];
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.expect("a readable folder").path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The module that a file below `src/` is.
fn place(file: &Path) -> Vec<String> {
    let mut words: Vec<String> = file
        .strip_prefix(root().join("src"))
        .expect("a file below src")
        .with_extension("")
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    if words.last().is_some_and(|last| last == "mod") {
        words.pop();
    }
    words
}

/// Crates that Cargo.toml names, as Rust names them.
fn crates() -> BTreeSet<String> {
    let mut crates = BTreeSet::new();
    let mut inside = false;
    for line in read(&root().join("Cargo.toml")).lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if inside && let Some((name, _)) = line.split_once('=') {
            crates.insert(name.trim().replace('-', "_"));
        }
    }
    crates
}

/// Whether `path` is `limit` or lies below it, or brings it in by a glob or under another name from above.
fn names(path: &str, limit: &str) -> bool {
    let below = |path: &str, limit: &str| path == limit || path.starts_with(&format!("{limit}::"));
    match path.strip_suffix("::*") {
        Some(above) => below(above, limit) || below(limit, above),
        None => below(path, limit),
    }
}

/// What one file of a layer names against the rules, a line for each.
fn broken(layer: &str, source: &Source, crates: &BTreeSet<String>) -> Vec<String> {
    let Some(rules) = LAYERS.iter().find(|known| known.name == layer) else {
        return vec![format!("`{layer}` is no layer in tests/architecture/rules.rs")];
    };
    let mut broken = vec![];
    for path in &source.paths {
        let mut words = path.split("::");
        let first = words.next().unwrap_or_default();
        let other = words.next().unwrap_or_default();
        let is_layer = LAYERS.iter().any(|known| known.name == other);
        if first == "crate" && other != layer && is_layer && !rules.uses.contains(&other) {
            broken.push(format!("{path}: {layer} must not use {other}"));
        }
        if first == "crate" && other == "*" {
            broken.push(format!("{path}: name the layer"));
        }
        let never = rules.never.iter().chain(CLIENT.iter().filter(|_| !rules.client));
        if let Some(limit) = never.copied().find(|limit| names(path, limit)) {
            broken.push(format!("{path}: {layer} must not use {limit}"));
        }
        for (_, only) in ONLY_CRATES.iter().filter(|(name, _)| *name == layer) {
            if crates.contains(first) && !only.contains(&first) {
                broken.push(format!("{path}: {layer} may use the crates {} alone", only.join(", ")));
            }
        }
        for (name, owners) in CONFINED.iter().filter(|(name, _)| *name == first) {
            if !owners.contains(&layer) {
                broken.push(format!("{path}: {name} belongs to {} alone", owners.join(", ")));
            }
        }
        let reads_clock = CLOCKS.iter().any(|clock| path == clock || path.ends_with(&format!("::{clock}")));
        if TIMELESS.contains(&layer) && reads_clock {
            broken.push(format!("{path}: {layer} is given the time, it never reads a clock"));
        }
    }
    if layer != "testbed" {
        for literal in source.literals.iter().filter(|literal| LAW.contains(&literal.as_str())) {
            broken.push(format!("{literal:?}: the law is data and belongs into the law pack"));
        }
    }
    broken
}

/// Production files with what they name; files of `#[cfg(test)] mod` declarations are left out.
fn production() -> Vec<(PathBuf, Vec<String>, Source)> {
    let mut sources: Vec<_> = rust_files("src")
        .into_iter()
        .map(|file| {
            let place = place(&file);
            let source = Source::read(&read(&file), &place);
            (file, place, source)
        })
        .collect();
    let tests: Vec<Vec<String>> = sources
        .iter()
        .flat_map(|(_, place, source)| {
            source.test_modules.iter().map(|name| place.iter().chain([name]).cloned().collect())
        })
        .collect();
    sources.retain(|(_, place, _)| !tests.iter().any(|test| place.starts_with(test)));
    sources
}

#[test]
fn layers_name_only_what_they_may() {
    let crates = crates();
    let mut all = vec![];
    let mut seen = BTreeSet::new();
    for (file, place, source) in production() {
        let Some(layer) = place.first().filter(|first| !["lib", "bin"].contains(&first.as_str())) else {
            continue;
        };
        seen.insert(layer.clone());
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        all.extend(broken(layer, &source, &crates).into_iter().map(|line| format!("{name}: {line}")));
    }
    assert!(seen.contains("core") && seen.contains("api"), "no source was read: {seen:?}");
    assert!(all.is_empty(), "forbidden edges:\n{}", all.join("\n"));
}

#[test]
fn binaries_only_call_the_library() {
    for (file, ..) in production().iter().filter(|(_, place, _)| place[0] == "bin") {
        let lines = read(file).lines().count();
        assert!(lines <= 60, "{} has {lines} lines: the library is where code is tested", file.display());
    }
}

/// What a file's `failpoint(...)` calls name, without the function itself; none for a call that names no literal.
fn failpoints(text: &str) -> Vec<Option<&str>> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let calls =
        lines.filter_map(|line| line.split_once("failpoint(").filter(|(before, _)| !before.ends_with("fn ")));
    calls.map(|(_, name)| name.strip_prefix('"')?.split('"').next()).collect()
}

#[test]
fn every_point_at_which_a_test_kills_is_listed_once_and_every_listed_one_is_called() {
    use carnet::platform::{OPERATOR_FAILPOINTS, RUNNER_FAILPOINTS};

    let texts: Vec<_> = production().iter().map(|(file, ..)| (file.clone(), read(file))).collect();
    let mut called = vec![];
    for (file, text) in &texts {
        for name in failpoints(text) {
            let name = name.unwrap_or_else(|| panic!("{}: name the point by a literal", file.display()));
            called.push(name);
        }
    }
    called.sort_unstable();
    let mut listed = [OPERATOR_FAILPOINTS, RUNNER_FAILPOINTS].concat();
    listed.sort_unstable();
    assert_eq!(called, listed);
}

/// The methods by which a file writes to the API server.
fn writes(source: &Source) -> Vec<&str> {
    // By one of its ends, or by what is above it: a helper may hand an `Api` on.
    let is_client = source.paths.iter().any(|path| CLIENT.iter().any(|client| names(path, client)));
    let called = WRITES.iter().copied().filter(|name| source.methods.contains(*name));
    called.filter(|_| is_client).collect()
}

#[test]
fn whatever_is_written_to_the_api_server_is_written_between_points_at_which_a_test_kills() {
    let mut writers = BTreeSet::new();
    let mut bare = vec![];
    for (file, place, source) in production() {
        if !KILLED.contains(&place[0].as_str()) {
            continue;
        }
        let text = read(&file);
        let points: Vec<_> = failpoints(&text).into_iter().flatten().collect();
        let both = ["-before", "-after"].iter().all(|end| points.iter().any(|point| point.ends_with(end)));
        for method in writes(&source) {
            let name = file.strip_prefix(root()).unwrap().display().to_string();
            writers.insert(name.clone());
            if NOT_KILLED.contains(&name.as_str()) {
                continue;
            }
            if !both || place[0] == "erase" {
                bare.push(format!("{name} calls {method}"));
            }
        }
    }
    assert!(writers.contains("src/controllers/status.rs"), "no write was found: {writers:?}");
    assert!(NOT_KILLED.iter().all(|file| writers.contains(*file)), "an exception for nothing: {writers:?}");
    assert!(bare.is_empty(), "writes without a failpoint before and after:\n{}", bare.join("\n"));
}

#[test]
fn files_stay_small_enough_to_keep_in_a_head() {
    let mut over = vec![];
    for file in ["src", "tests", "benches", "examples"].into_iter().flat_map(rust_files) {
        let lines = read(&file).lines().count();
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        if lines > HARD_LINES {
            over.push(format!("{name}: {lines} lines"));
        } else if lines > SOFT_LINES {
            eprintln!("{name}: {lines} lines, more than {SOFT_LINES}");
        }
    }
    assert!(over.is_empty(), "more than {HARD_LINES} lines:\n{}", over.join("\n"));
}

mod this_test_can_fail {
    use super::{BTreeSet, Source, broken, crates, names};

    fn planted(layer: &str, code: &str) -> Vec<String> {
        broken(layer, &Source::read(code, &[layer.to_owned(), "planted".to_owned()]), &crates())
    }

    fn paths(code: &str) -> BTreeSet<String> {
        Source::read(code, &["core".into(), "transfer".into(), "decide".into()]).paths
    }

    #[test]
    fn a_forbidden_edge_is_found_however_it_is_written() {
        for (layer, code) in [
            ("core", "use kube::Client;"),
            ("core", "use {jiff::Timestamp, serde_json as json};"),
            ("core", "fn f() { tokio::spawn(g()); }"),
            ("core", "fn f() { let _ = std::env::var(\"X\"); }"),
            ("core", "use std::{collections::BTreeMap, env};"),
            ("core", "fn f() -> Timestamp { Timestamp::now() }"),
            ("core", "fn f() { jiff::Timestamp::now() }"),
            ("core", "fn f() { std::time::SystemTime::now() }"),
            ("core", "use crate::api::labels;"),
            ("core", "use super::super::api::labels;"),
            ("core", "fn f() { tracing::info!(\"x\") }"),
            ("parse", "use crate::{api::labels, index::Index};"),
            ("parse", "use kube::{ResourceExt, api::{Api, Patch}};"),
            ("parse", "use kube::*;"),
            ("detect", "use kube::ResourceExt;"),
            ("admission", "use kube::client::Client;"),
            ("admission", "use crate::controllers::Wake;"),
            ("admission", "use tokio_postgres::Client;"),
            ("controllers", "use axum::Router;"),
            ("controllers", "use crate::erase::plan;"),
            ("erase", "use crate::index::Index;"),
            ("cli", "use tokio_postgres::{Client, Row};"),
            ("platform", "use crate::testbed::Cluster;"),
            ("placement", "const HOME: &str = \"EEA\";"),
            ("misc", "use std::fmt;"),
        ] {
            assert!(!planted(layer, code).is_empty(), "{layer} may say {code}");
        }
    }

    #[test]
    fn what_is_allowed_passes() {
        for (layer, code) in [
            (
                "core",
                "use jiff::{Timestamp, civil::Date};\nuse crate::core::ids::Country; use super::verdict::Verdict;",
            ),
            ("core", "/// See [`kube::Client`].\n// use tokio::spawn;\n/* use kube::Api; */ fn f() {}"),
            ("core", "fn f() -> &'static str { \"use kube::Client; Timestamp::now()\" }"),
            ("core", "fn f() -> &'static str { r#\"tokio::spawn \"quoted\"\"# }"),
            ("core", "#[cfg(test)]\nmod tests { use serde_json::json; fn f() { { tokio::spawn(x) } } }"),
            ("index", "use kube::runtime::watcher::Event;"),
            ("admission", "use kube::core::admission::AdmissionReview; use axum::Router;"),
            ("erase", "use tokio_postgres::Client; use kube::Api;"),
        ] {
            assert_eq!(planted(layer, code), Vec::<String>::new(), "{layer} may not say {code}");
        }
    }

    #[test]
    fn a_point_is_found_where_it_is_called_alone() {
        let text = "use failpoint;\n// failpoint(\"a\")\npub fn failpoint(_: &str) {}\nx => failpoint(\"b\"),\nfailpoint(c);";
        assert_eq!(super::failpoints(text), [Some("b"), None]);
    }

    #[test]
    fn a_write_is_found_and_a_call_of_the_same_name_is_not() {
        let writes = |code: &str| {
            let source = Source::read(code, &["controllers".into(), "planted".into()]);
            super::writes(&source).into_iter().map(String::from).collect::<Vec<_>>()
        };
        let of_kube = "use kube::{Api, Client};\nasync fn f(api: Api<X>) { api.";
        assert_eq!(writes(&format!("{of_kube}create(&p, &x).await }}")), ["create"]);
        assert_eq!(writes(&format!("{of_kube}patch_status::<X>(n, &p, &x).await }}")), ["patch_status"]);
        assert!(writes(&format!("{of_kube}get(n).await }} // api.delete(n)")).is_empty());
        assert!(writes("fn f(text: &str) { text.replace('a', \"b\") }").is_empty());
    }

    #[test]
    fn code_behind_a_test_module_is_read_again() {
        let found = planted("core", "#[cfg(test)] mod tests { fn f() { {} } }\nuse kube::Client;");
        assert_eq!(found.len(), 2, "as a client, and as a crate: {found:?}");
    }

    #[test]
    fn test_modules_in_files_of_their_own_are_noted() {
        let source =
            Source::read("#[cfg(test)]\n#[allow(clippy::x)]\nmod tests;\nmod real;", &["core".into()]);
        assert_eq!(source.test_modules, ["tests"]);
    }

    #[test]
    fn use_trees_are_expanded() {
        assert_eq!(
            paths("use a::{b::{self, c as d}, e::*, f};"),
            ["a::b", "a::b::c", "a::e::*", "a::f"].map(String::from).into()
        );
    }

    #[test]
    fn relative_paths_are_resolved() {
        assert_eq!(
            paths("use super::Verdict; use self::inner::X; fn f() { super::super::law::g() }"),
            [
                "crate::core::transfer::Verdict",
                "crate::core::transfer::decide::inner::X",
                "crate::core::law::g"
            ]
            .map(String::from)
            .into()
        );
    }

    #[test]
    fn a_glob_names_what_lies_above_and_below() {
        assert!(names("kube::*", "kube::Client"));
        assert!(names("kube::client::middleware::*", "kube::client"));
        assert!(!names("kube::runtime::*", "kube::Client"));
        assert!(!names("kubewarden::Client", "kube"));
    }
}
