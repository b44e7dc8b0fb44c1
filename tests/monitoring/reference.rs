//! `docs/reference/metrics.md`, printed from what is registered; and whether what is served is what is registered.

use std::{collections::BTreeSet, fmt::Write};

use carnet::{
    platform::metrics::{Described, Metrics, Values},
    testbed::promtool,
};
use expect_test::expect_file;

use crate::{project, worlds};

const HEAD: &str = "\
# Metrics

<!-- Generated from src/platform/metrics: `UPDATE_EXPECT=1 cargo test --all-features --test monitoring` writes it anew. -->

Every replica serves `/metrics` on port 8080 in the Prometheus text format (0.0.4). Instants are Unix seconds.

A metric that is absent is not known: what runs is judged, the backstop written, and retention carried out, by the leader alone, so
that `carnet_transfers_*`, `carnet_next_lapse_*`, `carnet_backstop_*`, `carnet_retention_*`, `carnet_deletion_runs*` and
`carnet_invalid_objects` come from one replica at a time. \"Never\" is `+Inf`, so that `carnet_next_lapse_timestamp_seconds - time() < 14 * 86400` is false of it.

Every label is bounded: by the words below, or by what people declare. Names of Pods, users, Secrets and the like are never
labels. Of RetentionPolicies the first 1000 (by namespace and name) have series of their own, at most five each; the rest is counted in
`carnet_retention_policies_unreported`. Their namespace is in `policy_namespace`, because a scrape puts that of the Pod into `namespace`.
";

fn words(values: Values) -> String {
    match values {
        Values::Words(words) => words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", "),
        Values::Constant(what) => format!("{what}; one value for the life of a process"),
        Values::Declared(what) => what.to_owned(),
    }
}

fn page(described: &[Described]) -> String {
    let mut page = HEAD.to_owned();
    for Described { name, kind, help, labels } in described {
        write!(page, "\n## `{name}`\n\n{kind}: {help}.\n").expect("a string takes everything");
        if !labels.is_empty() {
            page.push_str("\n| label | values |\n| --- | --- |\n");
        }
        for label in *labels {
            writeln!(page, "| `{}` | {} |", label.name, words(label.values))
                .expect("a string takes everything");
        }
    }
    page
}

#[test]
fn the_committed_page_is_that_of_what_is_registered() {
    expect_file![project("docs/reference/metrics.md")].assert_eq(&page(Metrics::default().described()));
}

/// Name and labels of a sample.
fn sample(line: &str) -> (&str, Vec<(&str, &str)>) {
    let (series, _) = line.rsplit_once(' ').expect("a sample has a value");
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.trim_end_matches('}').split("\",").filter(|l| !l.is_empty());
    let labels = labels.map(|label| label.split_once("=\"").expect("a label has a value"));
    (name, labels.map(|(name, value)| (name, value.trim_end_matches('"'))).collect())
}

#[test]
fn everything_that_is_registered_is_served_under_its_name_with_its_labels_and_nothing_else_is() {
    let metrics = worlds::whole(true);
    let text = metrics.encode().expect("metrics are text");
    let mut missing: BTreeSet<&str> = metrics.described().iter().map(|d| d.name.as_str()).collect();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, labels) = sample(line);
        let of = |d: &&Described| {
            let parts = ["_bucket", "_sum", "_count"].map(|part| format!("{}{part}", d.name));
            name == d.name || d.kind == "histogram" && parts.iter().any(|part| part == name)
        };
        let described =
            metrics.described().iter().find(of).unwrap_or_else(|| panic!("{name} is not described"));
        missing.remove(described.name.as_str());
        let labels: Vec<_> = labels.into_iter().filter(|(label, _)| *label != "le").collect();
        let named: Vec<_> = described.labels.iter().map(|l| l.name).collect();
        assert_eq!(labels.iter().map(|(name, _)| *name).collect::<Vec<_>>(), named, "{line}");
        for ((_, value), label) in labels.iter().zip(described.labels) {
            if let Values::Words(words) = label.values {
                assert!(words.contains(value), "{line}: {value} is none of {words:?}");
            }
        }
    }
    assert!(missing.is_empty(), "described and not served: {missing:?}");
}

#[test]
fn names_follow_the_conventions_that_tools_rely_on() {
    // A scrape sets these itself, and renames ours.
    let taken =
        ["namespace", "pod", "service", "container", "endpoint", "job", "instance", "node", "cluster"];
    for Described { name, kind, help, labels } in Metrics::default().described() {
        assert_eq!(name.ends_with("_total"), *kind == "counter", "{name}");
        assert!(help.len() > 12 && !help.ends_with('.') && help.is_ascii(), "{name}: {help}");
        for label in *labels {
            assert!(!taken.contains(&label.name), "{name}: {}", label.name);
        }
    }
}

#[test]
fn promtool_finds_nothing_to_say_about_what_is_served() {
    let text = worlds::whole(true).encode().expect("metrics are text");
    let dir = tempfile::tempdir().expect("a directory");
    let check = |text: &str| {
        std::fs::write(dir.path().join("metrics"), text).expect("a file");
        promtool(dir.path(), &["check", "metrics"], Some(&dir.path().join("metrics")))
    };
    assert_eq!(check(&text).expect("promtool is content"), "");
    // It would say so.
    let wrong = text.replace("carnet_admission_reviews_total", "carnet_admission_reviews");
    assert!(check(&wrong).is_err() || !check(&wrong).expect("it runs").is_empty());
}
