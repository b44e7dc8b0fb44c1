use serde_json::{Value, json};

use super::*;
use crate::cli::world::testing::{NOW, at, base_with, clauses, pod, store};

fn shown(more: Vec<Value>, filter: &Filter, format: Format) -> String {
    let mut out = vec![];
    show(&base_with(more), filter, format, at(NOW), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// One at home, two abroad, of one Deployment; clauses carry it; a copy in the US that ltd itself holds.
fn running() -> Vec<Value> {
    let mut copied = store("billing");
    copied["spec"]["copies"] = json!([{"name": "dump", "kind": "Backup", "partyRef": {"name": "ltd"},
        "location": {"provider": "aws", "region": "us-east-1"}}]);
    vec![
        clauses("scc", 1, "2028-01-15T00:00:00Z"),
        copied,
        pod("analytics", "web", 0, "eu1", &["accounts-app"]),
        pod("analytics", "web", 1, "us1", &["accounts-app"]),
        pod("analytics", "web", 2, "us1", &["accounts-app"]),
    ]
}

#[test]
fn every_store_is_a_row_every_place_a_column_and_each_cell_says_what_carries_it() {
    let text = shown(running(), &Filter::default(), Format::Text);
    let rows: Vec<Vec<&str>> = text
        .lines()
        .take(3)
        .map(|l| l.split("  ").filter(|c| !c.is_empty()).map(str::trim).collect())
        .collect();
    assert_eq!(rows[0], ["STORE", "DATASET", "IN", "aws eu-west-1 (IE)", "aws us-east-1 (US)"], "{text}");
    assert_eq!(
        rows[1],
        ["identity/accounts", "accounts", "aws eu-west-1 (IE)", "N [EEA]", "L safeguard/scc [EEA]"],
        "{text}"
    );
    assert_eq!(rows[2], ["identity/billing", "accounts", "aws eu-west-1 (IE)", "-", "X [EEA]"], "{text}");
    assert!(text.contains("1 carried, 1 no-border, 1 uncovered; 1 on the last leg."), "{text}");
}

#[test]
fn json_names_who_carries_each_flow_and_on_what() {
    let report: Value = serde_json::from_str(&shown(running(), &Filter::default(), Format::Json)).unwrap();
    let flows = report["flows"].as_array().unwrap();
    let carried = flows.iter().find(|f| f["state"] == "carried").unwrap();
    assert_eq!(carried["reliedOn"], "safeguard/scc");
    assert_eq!(carried["workloads"], json!([{"name": "Deployment analytics/web", "pods": 2}]));
    let copy = flows.iter().find(|f| f["state"] == "uncovered").unwrap();
    assert_eq!(copy["workloads"], json!([{"name": "copy dump of identity/billing", "pods": 0}]));
    assert_eq!(copy["importer"], "ltd");
}

#[test]
fn filters_leave_what_is_asked_for() {
    let rows = |filter: Filter| {
        let report: Value = serde_json::from_str(&shown(running(), &filter, Format::Json)).unwrap();
        let stores =
            report["rows"].as_array().unwrap().iter().map(|r| r["store"].as_str().unwrap().to_owned());
        (stores.collect::<Vec<_>>(), report["flows"].as_array().unwrap().len())
    };
    let store = |name: &str| Filter { store: Some(name.into()), ..Filter::default() };
    assert_eq!(rows(store("accounts")), (vec!["identity/accounts".into()], 2));
    assert_eq!(rows(store("identity/billing")), (vec!["identity/billing".into()], 1));
    assert_eq!(rows(store("analytics/billing")), (vec![], 0));
    let violations = Filter { violations: true, ..Filter::default() };
    assert_eq!(rows(violations), (vec!["identity/billing".into()], 1));
    let here = |name: &str| Filter { namespace: Some(name.into()), ..Filter::default() };
    assert_eq!(rows(here("analytics")), (vec!["identity/accounts".into()], 2));
    assert_eq!(rows(here("identity")).1, 3);
}

#[test]
fn csv_has_a_line_for_each_flow() {
    let text = shown(running(), &Filter::default(), Format::Csv);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert_eq!(
        lines[2],
        "identity/accounts,accounts,EEA,ltd,aws eu-west-1 IE,inc,aws us-east-1 US,,carried,safeguard/scc,,Deployment analytics/web,2"
    );
}

#[test]
fn a_cell_of_a_table_is_neither_a_formula_nor_two_cells() {
    assert_eq!(quoted("=cmd()"), "'=cmd()");
    assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
    assert_eq!(quoted("a\nb"), "a\u{fffd}b");
}

#[test]
fn the_page_stands_alone_marks_each_edge_by_a_letter_and_a_pattern_and_escapes_what_others_named() {
    let page = shown(running(), &Filter::default(), Format::Html);
    for foreign in ["<script", "src=", "href=", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("prefers-color-scheme: dark"));
    let uncovered = page.lines().find(|l| l.starts_with("<g class=\"X\">")).unwrap();
    assert!(uncovered.contains(">X</text>") && uncovered.contains("stroke-width=\"5\""), "{uncovered}");
    let single = page.lines().find(|l| l.starts_with("<g class=\"L\">")).unwrap();
    assert!(single.contains("stroke-dasharray=\"12 4 2 4\"") && single.contains(">L</text>"), "{single}");
    assert_eq!(page.matches("<g class=").count(), 3, "two flows of accounts and one of billing");
    assert!(page.contains("Deployment analytics/web"));
}
