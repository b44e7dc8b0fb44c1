//! The alerts as files: `promtool`'s own checks and tests, and what every alert must have.

use std::{collections::BTreeSet, fs};

use carnet::testbed::promtool;

use crate::{ALERTS, Alert, alerts, project, text};

const TESTS: &str = "charts/carnet/monitoring/alerts_test.yaml";

#[test]
fn promtool_reads_every_rule() {
    let said = promtool(&project(""), &["check", "rules", ALERTS], None).expect("the rules are good");
    assert!(said.contains(&format!("{} rules found", alerts().len())), "{said}");
}

#[test]
fn every_alert_fires_where_it_should_and_is_silent_where_it_should_be() {
    promtool(&project(""), &["test", "rules", TESTS], None).expect("the tests of the rules pass");
    let tests = text(TESTS);
    for Alert { name, .. } in alerts() {
        for world in ["fires", "is silent"] {
            assert!(tests.contains(&format!("- name: {name} {world}\n")), "no world in which {name} {world}");
        }
    }
}

#[test]
fn a_changed_threshold_fails_the_tests_of_the_rules() {
    let dir = tempfile::tempdir().expect("a directory");
    let changed = text(ALERTS)
        .replace("(carnet_transfers_violating_pods) > 0", "(carnet_transfers_violating_pods) > 2");
    assert_ne!(changed, text(ALERTS));
    // Only the first few tests: those of the others take longer than this proof is worth.
    let tests = text(TESTS);
    let (few, _) = tests.split_once("  - name: CarnetLapseImminent fires").expect("it is there");
    for (rules, passes) in [(text(ALERTS), true), (changed, false)] {
        fs::write(dir.path().join("alerts.yaml"), rules).expect("a file");
        fs::write(dir.path().join("alerts_test.yaml"), few).expect("a file");
        assert_eq!(promtool(dir.path(), &["test", "rules", "alerts_test.yaml"], None).is_ok(), passes);
    }
}

#[test]
fn every_alert_says_how_bad_it_is_what_it_means_and_where_to_read_on() {
    let page = text("docs/troubleshooting.md");
    let mut names = BTreeSet::new();
    for Alert { name, severity, annotations, .. } in alerts() {
        assert!(names.insert(name.clone()) && name.starts_with("Carnet"), "{name}");
        assert!(["critical", "warning", "info"].contains(&severity.as_str()), "{name}: {severity}");
        let of = |key: &str| annotations[key].as_str().unwrap_or_default().to_owned();
        assert!(of("summary").ends_with('.') && of("summary").len() < 90, "{name}: {}", of("summary"));
        assert!(of("description").len() > 60 && !of("description").contains('\n'), "{name}");
        let anchor = name.to_lowercase();
        let url = format!("https://github.com/carnet-dev/carnet/blob/main/docs/troubleshooting.md#{anchor}");
        assert_eq!(of("runbook_url"), url, "{name}");
        assert!(
            page.lines().any(|line| line == format!("### {name}")),
            "docs/troubleshooting.md has no {name}"
        );
    }
}
